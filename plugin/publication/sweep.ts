/**
 * When every archived study is compared with the PACS without anybody asking: each night, after each start, and when Orthanc's
 * hook says that it lost changes.
 */
import { requestSweepRun } from '../archive/index.ts';
import type { PublicationPorts } from './ports.ts';

const minuteMs = 60_000;
const dayMinutes = 24 * 60;

/** Two sidecars that share the store have two clocks: a sweep so shortly before the hour is that of the hour. */
const sameHourMs = 10 * minuteMs;

const minutesOf = (clockTime: string): number => {
  const [hours = '0', minutes = '0'] = clockTime.split(':');
  return Number(hours) * 60 + Number(minutes);
};

/** Minutes since midnight on the wall clock of that zone. */
const wallMinutes = (utcMs: number, timeZone: string): number =>
  minutesOf(
    new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(utcMs),
  );

/** Difference of two wall-clock times, the short way round. */
const minutesBetween = (from: number, to: number): number =>
  ((((to - from + dayMinutes / 2) % dayMinutes) + dayMinutes) % dayMinutes) - dayMinutes / 2;

/**
 * The next time that the wall clock of the site shows this time, strictly after now. In the night in which that time does not
 * exist it is an hour off; a time that comes twice is taken once.
 *
 * @param clockTime  `HH:MM`
 */
export const nextSweepAt = (clockTime: string, timeZone: string, nowUtcMs: number): number => {
  const thisMinute = Math.floor(nowUtcMs / minuteMs) * minuteMs;
  const wanted = minutesOf(clockTime);
  const ahead = (wanted - wallMinutes(thisMinute, timeZone) + dayMinutes) % dayMinutes;
  const guess = thisMinute + (ahead === 0 ? dayMinutes : ahead) * minuteMs;
  // The clock may have been put forward or back meanwhile.
  const corrected = guess + minutesBetween(wallMinutes(guess, timeZone), wanted) * minuteMs;
  return corrected > nowUtcMs ? corrected : guess;
};

/**
 * Wants every archived study compared from now on: events may have been lost. The worker of any sidecar that shares the store
 * takes it up.
 *
 * @throws store/unavailable
 */
export const requestSweep = async (ports: Pick<PublicationPorts, 'store' | 'clock'>): Promise<void> => {
  const atUtcMs = ports.clock();
  await ports.store.transaction((trx) => requestSweepRun(trx, { atUtcMs }));
};

/** The sweep of that hour, unless another sidecar started it. @throws store/unavailable */
export const requestNightlySweep = async (
  ports: Pick<PublicationPorts, 'store' | 'clock'>,
  scheduledAtUtcMs: number,
): Promise<void> => {
  const atUtcMs = ports.clock();
  const unlessSinceUtcMs = scheduledAtUtcMs - sameHourMs;
  await ports.store.transaction((trx) => requestSweepRun(trx, { atUtcMs, unlessSinceUtcMs }));
};
