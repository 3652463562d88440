/**
 * `drimbox pacs speed --history`: the speed tests that were kept, and their middle. What measures (`pacs-speed-command.ts`) has
 * its figures kept by the same command, which runs where the store is.
 *
 * @see facts/spec.md (c), DB.SO.155, DB.SO.156
 */
import { z } from 'zod';
import { type KeptPacsSpeed, loadPacsSpeeds, PacsReader, savePacsSpeed } from '../archive/index.ts';
import { asDrimboxError, DrimboxError } from '../errors.ts';
import { parseStudyInstanceUid } from '../standards/index.ts';
import { checkOptions, numberOptionOf, optionOf, subjectsOf, usage } from './command-words.ts';
import { type MeasuredPacsSpeed, roundedPacsFigure } from './pacs-speed-command.ts';
import type { StoreCommand, StoreCommandPorts } from './store-command.ts';

const count = z.int().min(0);
const milliseconds = z.number().min(0);

/** What travels from the process that measured. */
const figures = z.strictObject({
  studyInstanceUid: z.string(),
  reader: z.enum(PacsReader),
  images: count,
  bytes: count,
  firstImageMs: milliseconds,
  totalMs: milliseconds,
  transferSyntaxes: z.record(z.string().max(64), count),
});

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, one) => sum + one, 0);

const readerOf = ({ objects, readInFolder }: MeasuredPacsSpeed): PacsReader => {
  if (readInFolder === 0) return PacsReader.rest;
  return readInFolder === objects ? PacsReader.folder : PacsReader.both;
};

const wordsToKeep = (measured: MeasuredPacsSpeed): readonly string[] => {
  const { studyInstanceUid, objects, failures, bytes, firstImageMs, totalMs, transferSyntaxes } = measured;
  const kept: z.infer<typeof figures> = {
    studyInstanceUid,
    reader: readerOf(measured),
    images: objects + sumOf(failures),
    bytes,
    firstImageMs,
    totalMs,
    transferSyntaxes: { ...transferSyntaxes },
  };
  return ['pacs', 'speed', '--keep', JSON.stringify(kept)];
};

/**
 * Has a measure kept where the store is. That it could not be kept takes nothing from what was measured.
 *
 * @param ask  runs a command on the store, here or in the running sidecar
 */
export const keepPacsSpeed = async (
  measured: MeasuredPacsSpeed,
  ask: (words: readonly string[]) => Promise<unknown>,
): Promise<{ readonly kept: boolean; readonly notKept?: object }> => {
  try {
    await ask(wordsToKeep(measured));
    return { kept: true };
  } catch (cause) {
    const { code, publicText: reason } = asDrimboxError(cause);
    return { kept: false, notKept: { code, reason } };
  }
};

/** @throws cli/usage, standards/uid-invalid */
const parseFigures = (text: string): Omit<KeptPacsSpeed, 'atUtcMs'> => {
  try {
    const read = figures.parse(JSON.parse(text));
    return { ...read, studyInstanceUid: parseStudyInstanceUid(read.studyInstanceUid) };
  } catch (cause) {
    if (cause instanceof DrimboxError) throw cause;
    throw usage('--keep takes what a speed test measured');
  }
};

const keep = async ({ store, clock }: StoreCommandPorts, text: string): Promise<object> => {
  const speed: KeptPacsSpeed = { ...parseFigures(text), atUtcMs: clock() };
  await store.transaction((trx) => savePacsSpeed(trx, speed));
  return { kept: true };
};

const megabytesPerSecond = ({ bytes, totalMs }: KeptPacsSpeed): number => (totalMs > 0 ? bytes / 1_000 / totalMs : 0);

/** Objects that were not read are told apart: their speed is that of nothing. */
const unreadOf = ({ images, transferSyntaxes }: KeptPacsSpeed): number => images - sumOf(transferSyntaxes);

const viewOf = (speed: KeptPacsSpeed): object => {
  const { atUtcMs, firstImageMs, totalMs, ...rest } = speed;
  const unread = unreadOf(speed);
  return {
    at: new Date(atUtcMs).toISOString(),
    ...rest,
    ...(unread === 0 ? {} : { unread }),
    firstImageMs: roundedPacsFigure(firstImageMs),
    totalMs: roundedPacsFigure(totalMs),
    megabytesPerSecond: roundedPacsFigure(megabytesPerSecond(speed)),
  };
};

const spreadOf = (values: readonly number[]): object => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
  const [least = 0, most = 0] = [sorted[0], sorted.at(-1)];
  return {
    median: roundedPacsFigure(median),
    least: roundedPacsFigure(least),
    most: roundedPacsFigure(most),
  };
};

/** Of the measures that read every object. */
const summaryOf = (speeds: readonly KeptPacsSpeed[]): object => {
  const whole = speeds.filter((speed) => unreadOf(speed) === 0);
  if (whole.length === 0) return {};
  return {
    summary: {
      measures: whole.length,
      firstImageMs: spreadOf(whole.map(({ firstImageMs }) => firstImageMs)),
      megabytesPerSecond: spreadOf(whole.map(megabytesPerSecond)),
    },
  };
};

const history = async ({ store }: StoreCommandPorts, words: readonly string[]): Promise<object> => {
  const [uid, ...others] = subjectsOf(words, 2);
  if (others.length > 0) throw usage('pacs speed [STUDY INSTANCE UID] --history [--limit N]');
  const limit = numberOptionOf(words, '--limit', { least: 1, most: 1_000, otherwise: 20 });
  const only = uid === undefined ? {} : { studyInstanceUid: parseStudyInstanceUid(uid) };
  const speeds = await loadPacsSpeeds(store.knex, { limit, ...only });
  return { ...summaryOf(speeds), speeds: speeds.map(viewOf) };
};

/**
 * @param words  `pacs speed [UID] --history [--limit N]`; or `pacs speed --keep FIGURES`, which only this software says
 * @throws cli/usage, standards/uid-invalid, store/unavailable
 */
export const pacsSpeedsCommand: StoreCommand = async (ports, words) => {
  const toKeep = optionOf(words, '--keep');
  if (toKeep !== undefined) return keep(ports, toKeep);
  checkOptions(words, ['--history', '--limit']);
  if (!words.includes('--history')) throw usage('pacs speed is measured by the command line');
  return history(ports, words);
};
