/** What a comparison tells when it ends: events of the journal, and the statistics of facts/spec.md b.14 #33–37. */
import type { Knex } from 'knex';
import {
  type ComparisonRun,
  countHeldFindings,
  countLooks,
  countPublishedManifests,
  Finding,
  loadOutcomes,
  type RunFigures,
} from '../archive/index.ts';
import { type DrimboxEvent, StatisticNumber } from '../events.ts';
import { moveManifests, totalOf } from './archive-comparison-verdict.ts';

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/**
 * The figures once every look was made: a manifest needed an update when it got one; a study that only looked different needed
 * none.
 */
export const finalFigures = async (knex: Knex, run: ComparisonRun): Promise<RunFigures> => {
  let { manifests } = run.figures;
  for (const { structureId, finding, isUpdated, count } of await loadOutcomes(knex, run.id, run.startedAtUtcMs)) {
    if (finding === Finding.changed && !isUpdated) manifests = moveManifests(manifests, structureId, -count);
    if (finding === Finding.touched && isUpdated) manifests = moveManifests(manifests, structureId, count);
  }
  return { ...run.figures, manifests, archivedAfter: await countPublishedManifests(knex) };
};

/** The comparison of a resynchronisation is complete; nothing was changed. */
export const comparedEvent = (run: ComparisonRun): DrimboxEvent => {
  const { archived, withoutExam, toUpdate, upToDate, unreadable } = totalOf(run.figures.manifests);
  return { name: 'resync/compared', detail: { archived, withoutExam, toUpdate, upToDate, unreadable } };
};

/** One row for each structure and figure: `detail.count` manifests, as the monthly statistics add them up (decision G5). */
const statisticsOf = (figures: RunFigures): readonly DrimboxEvent[] => {
  const after = figures.archivedAfter ?? {};
  const structures = new Set([...Object.keys(figures.manifests), ...Object.keys(after)]);
  return [...structures].toSorted().flatMap((structureId) => {
    const { archived, withoutExam, toUpdate, upToDate } = figures.manifests[structureId] ?? totalOf({});
    const rows: readonly (readonly [StatisticNumber, number])[] = [
      [StatisticNumber.resyncArchived, archived],
      [StatisticNumber.resyncWithoutExam, withoutExam],
      [StatisticNumber.resyncToUpdate, toUpdate],
      [StatisticNumber.resyncUpToDate, upToDate],
      [StatisticNumber.resyncArchivedAfter, after[structureId] ?? 0],
    ];
    return rows.map(
      ([statistic, count]): DrimboxEvent => ({ name: 'resync/counted', structureId, statistic, detail: { count } }),
    );
  });
};

/** @param run  with its final figures */
export const finishedEvents = async (knex: Knex, run: ComparisonRun): Promise<readonly DrimboxEvent[]> => {
  const { found, manifests, archivedAfter } = run.figures;
  const { looked } = await countLooks(knex, run.id);
  if (run.purpose === 'sweep') {
    const { unreadable } = found;
    return [{ name: 'sweep/finished', detail: { compared: sumOf(found), looked, unreadable } }];
  }
  const { archived, withoutExam, toUpdate, upToDate, unreadable } = totalOf(manifests);
  const held = await countHeldFindings(knex, run.id);
  const after = sumOf(archivedAfter ?? {});
  const detail = { archived, withoutExam, toUpdate, upToDate, archivedAfter: after, unreadable, looked, held };
  return [{ name: 'resync/finished', detail }, ...statisticsOf(run.figures)];
};
