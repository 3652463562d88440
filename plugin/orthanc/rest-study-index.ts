/**
 * Reads a study through Orthanc's REST API: works with every index, slower than SQL.
 *
 * `/tools/bulk-content` (since 1.9.4) gives tags and metadata of many instances in one answer, from the index alone;
 * `/tools/find` does the same in one SQL request where Orthanc has ExtendedFind (1.12.5 and an index that knows it).
 */
import { DrimboxError } from '../errors.ts';
import type { StudyInstanceUid } from '../standards/index.ts';
import type { InstanceAnswer, SeriesAnswer, StudyAnswer } from './answers.ts';
import type { OrthancClient } from './client.ts';
import {
  buildStudyContent,
  failedLookup,
  type InstanceRow,
  type SeriesRow,
  type StudyIndex,
  type StudyLookup,
  type StudyLookupOfMany,
  type StudyRow,
} from './study-content.ts';

/** Instances asked at once: one second of Orthanc's time in the slowest case measured. */
const instancesPerCall = 500;
const attempts = 3;
/** Debian's index plugins answer on one database connection: more would only queue. */
const parallelLookups = 4;

/** What one pass over the study saw. */
interface Reading {
  readonly series: readonly SeriesAnswer[];
  readonly instances: ReadonlyMap<string, InstanceAnswer>;
}

const readByIds = async (client: OrthancClient, ids: readonly string[]): Promise<readonly InstanceAnswer[]> => {
  const instances: InstanceAnswer[] = [];
  // One call at a time: Debian's index plugins answer on one database connection, parallel calls would only queue.
  for (let from = 0; from < ids.length; from += instancesPerCall) {
    instances.push(...(await client.listInstances(ids.slice(from, from + instancesPerCall))));
  }
  return instances;
};

const readStudy = async (client: OrthancClient, studyId: string): Promise<Reading> => {
  const [series, { hasExtendedFind }] = await Promise.all([client.listSeries(studyId), client.system()]);
  const instances = hasExtendedFind
    ? await client.findInstances(studyId)
    : await readByIds(client, instanceIdsOf(series));
  return { series, instances: new Map(instances.map((instance) => [instance.ID, instance])) };
};

const instanceIdsOf = (series: readonly SeriesAnswer[]): readonly string[] =>
  series.flatMap(({ Instances }) => Instances);

const isSameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && new Set([...a, ...b]).size === a.length;

/** Whether the parts fit together: each series is of this study, and exactly the instances that they list were read. */
const isCoherent = (study: StudyAnswer, { series, instances }: Reading): boolean =>
  isSameSet(
    study.Series,
    series.map(({ ID }) => ID),
  ) &&
  isSameSet(instanceIdsOf(series), [...instances.keys()]) &&
  series.every(
    ({ ID, ParentStudy, Instances }) =>
      ParentStudy === study.ID && Instances.every((id) => instances.get(id)?.ParentSeries === ID),
  );

/** Whether the study is now what it was before the reading: nothing appeared, nothing vanished. */
const isUnchanged = async (
  client: OrthancClient,
  uid: StudyInstanceUid,
  before: StudyAnswer,
  reading: Reading,
): Promise<boolean> => {
  const [[after, ...others], series] = await Promise.all([client.findStudies(uid), client.listSeries(before.ID)]);
  return (
    others.length === 0 &&
    after?.ID === before.ID &&
    after.LastUpdate === before.LastUpdate &&
    isSameSet(before.Series, after.Series) &&
    isSameSet([...reading.instances.keys()], instanceIdsOf(series))
  );
};

/** Studies stored by very old Orthancs lack the metadata: the stored file tells. */
const sopClassOf = async (client: OrthancClient, instance: InstanceAnswer): Promise<string> =>
  instance.Metadata.SopClassUid || (await client.readSopClassUid(instance.ID));

const joinRows = async (client: OrthancClient, study: StudyAnswer, reading: Reading): Promise<StudyRow> => {
  const series: SeriesRow[] = [];
  for (const one of reading.series) {
    const instances: InstanceRow[] = [];
    for (const instance of one.Instances.map((id) => reading.instances.get(id))) {
      if (instance === undefined) continue;
      const sopClassUid = await sopClassOf(client, instance);
      instances.push({ orthancId: instance.ID, sopClassUid, tags: instance.MainDicomTags });
    }
    series.push({ orthancId: one.ID, tags: one.MainDicomTags, instances });
  }
  return {
    orthancId: study.ID,
    lastUpdate: study.LastUpdate,
    tags: { ...study.MainDicomTags, ...study.PatientMainDicomTags },
    series,
  };
};

/** undefined when the study changed under our eyes. */
const readWholeStudy = async (
  client: OrthancClient,
  uid: StudyInstanceUid,
  study: StudyAnswer,
): Promise<StudyRow | undefined> => {
  try {
    const reading = await readStudy(client, study.ID);
    if (!isCoherent(study, reading)) return undefined;
    const row = await joinRows(client, study, reading);
    return (await isUnchanged(client, uid, study, reading)) ? row : undefined;
  } catch (error) {
    if (error instanceof DrimboxError && error.code === 'orthanc/not-found') return undefined;
    throw error;
  }
};

/** A study that changes while it is read gives no half answer: read again, then `orthanc/answer-invalid` (transient). */
const lookup = async (client: OrthancClient, uid: StudyInstanceUid): Promise<StudyLookup> => {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const [study, ...others] = await client.findStudies(uid);
    if (study === undefined) return { kind: 'absent' };
    if (others.length > 0) return { kind: 'duplicated', orthancIds: [study, ...others].map(({ ID }) => ID).toSorted() };
    const row = await readWholeStudy(client, uid, study);
    if (row !== undefined) return { kind: 'found', study: buildStudyContent(uid, row) };
  }
  throw new DrimboxError('orthanc/answer-invalid', {
    detail: `the study changed during each of ${attempts} readings`,
    context: { studyInstanceUid: uid },
  });
};

export const createRestStudyIndex = (client: OrthancClient): StudyIndex => ({
  describe: () => `REST ${client.url}`,
  lookup: (uid) => lookup(client, uid),
  lookupMany: async (uids) => {
    const answers = new Map<StudyInstanceUid, StudyLookupOfMany>();
    const wanted = [...new Set(uids)];
    for (let from = 0; from < wanted.length; from += parallelLookups) {
      await Promise.all(
        wanted.slice(from, from + parallelLookups).map(async (uid) => {
          answers.set(uid, await lookup(client, uid).catch(failedLookup));
        }),
      );
    }
    return answers;
  },
});
