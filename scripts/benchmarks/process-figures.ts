/** Resident memory and processor time of a process, as the kernel counts them. */
import { readFileSync } from 'node:fs';

const fieldOf = (pid: number, field: 'VmRSS' | 'VmHWM'): number => {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? Number.NaN) / 1024;
};

/** MiB now. */
export const residentMebibytes = (pid: number): number => fieldOf(pid, 'VmRSS');

/** MiB at the highest since the process began. */
export const highestMebibytes = (pid: number): number => fieldOf(pid, 'VmHWM');

export const mebibytes = (value: number): string => `${Math.round(value)} MB`;

/** Kernel ticks are 10 ms on every Linux we know. */
const tickMs = 10;

/** Milliseconds of processor time since the process began, of all its threads. */
export const processorMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
};
