import { describe, expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { createRestStudyIndex, type OrthancClient } from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';

const uid = parseStudyInstanceUid('2.25.1');

/** What the PACS holds: series → instances. Tests change it between two calls of the reader. */
interface Pacs {
  content: Record<string, string[]>;
  studies: string[];
  lastUpdate: string;
  extendedFind: boolean;
  sopClass: string | undefined;
  calls: number;
  /** Called before each answer with the number of the call. */
  before(call: number): void;
}

const pacsOf = (change: Partial<Pacs> = {}): Pacs => ({
  content: { s1: ['i1', 'i2'], s2: ['i3'] },
  studies: ['study'],
  lastUpdate: '20260101T000000',
  extendedFind: false,
  sopClass: '1.2.840.10008.5.1.4.1.1.2',
  calls: 0,
  before: () => undefined,
  ...change,
});

const instanceOf = (pacs: Pacs, series: string, id: string) => ({
  Type: 'Instance' as const,
  ID: id,
  ParentSeries: series,
  MainDicomTags: { SOPInstanceUID: `2.25.${id.slice(1)}` },
  Metadata: pacs.sopClass === undefined ? {} : { SopClassUid: pacs.sopClass },
});

const clientOf = (pacs: Pacs): OrthancClient => {
  const step = async <T>(answer: () => T): Promise<T> => {
    pacs.calls += 1;
    pacs.before(pacs.calls);
    await Promise.resolve();
    return answer();
  };
  const all = () =>
    Object.entries(pacs.content).flatMap(([series, ids]) => ids.map((id) => instanceOf(pacs, series, id)));
  const only: Partial<OrthancClient> = {
    url: 'http://pacs',
    system: () => Promise.resolve({ hasExtendedFind: pacs.extendedFind } as never),
    findStudies: () =>
      step(() =>
        pacs.studies.map((ID) => ({
          Type: 'Study' as const,
          ID,
          LastUpdate: pacs.lastUpdate,
          MainDicomTags: { StudyInstanceUID: uid },
          PatientMainDicomTags: { PatientID: 'IPP-0001' },
          Series: Object.keys(pacs.content),
        })),
      ),
    listSeries: () =>
      step(() =>
        Object.entries(pacs.content).map(([ID, ids]) => ({
          Type: 'Series' as const,
          ID,
          ParentStudy: 'study',
          MainDicomTags: { SeriesInstanceUID: `2.25.${ID}` },
          Instances: [...ids],
        })),
      ),
    listInstances: (ids) => step(() => all().filter(({ ID }) => ids.includes(ID))),
    findInstances: () => step(all),
    readSopClassUid: () => step(() => '1.2.840.10008.5.1.4.1.1.4'),
  };
  return only as OrthancClient;
};

const counts = (lookup: Awaited<ReturnType<ReturnType<typeof createRestStudyIndex>['lookup']>>): unknown =>
  lookup.kind === 'found' ? lookup.study.series.map(({ instances }) => instances.length) : lookup.kind;

describe('a study that changes while it is read gives no half answer', () => {
  const changes: [string, (pacs: Pacs) => void, unknown][] = [
    ['an instance is stored', (pacs) => pacs.content['s2']?.push('i4'), [2, 2]],
    ['an instance is deleted', (pacs) => pacs.content['s1']?.pop(), [1, 1]],
    ['a series is stored', (pacs) => (pacs.content['s3'] = ['i5']), [2, 1, 1]],
    ['a series is deleted', (pacs) => delete pacs.content['s2'], [2]],
    ['an instance is replaced within one second', (pacs) => (pacs.content['s2'] = ['i9']), [2, 1]],
    ['the study is deleted', (pacs) => Object.assign(pacs, { content: {}, studies: [] }), 'absent'],
    ['a second study comes under the same UID (A5)', (pacs) => pacs.studies.push('other'), 'duplicated'],
  ];
  const cases = [false, true].flatMap((extendedFind) =>
    changes.flatMap(([what, change, expected]) =>
      // find, listSeries, instances, then find and listSeries again: the change may come before any of them.
      [1, 2, 3, 4].map((call) => ({ what, change, expected, call, extendedFind })),
    ),
  );
  it.each(cases)(
    '$what before call $call (ExtendedFind $extendedFind): read again',
    async ({ change, expected, call, extendedFind }) => {
      const pacs = pacsOf({ extendedFind });
      pacs.before = (current) => {
        if (current === call) change(pacs);
      };
      expect(counts(await createRestStudyIndex(clientOf(pacs)).lookup(uid))).toEqual(expected);
    },
  );

  it('a study that grows without end: orthanc/answer-invalid, transient', async () => {
    const pacs = pacsOf();
    pacs.before = (call) => pacs.content['s1']?.push(`i${100 + call}`);
    await expect(createRestStudyIndex(clientOf(pacs)).lookup(uid)).rejects.toMatchObject({
      code: 'orthanc/answer-invalid',
      context: { studyInstanceUid: uid },
    });
  });

  it('LastUpdate moved: read again', async () => {
    const pacs = pacsOf();
    pacs.before = (call) => {
      if (call === 4) pacs.lastUpdate = '20260101T000001';
    };
    await createRestStudyIndex(clientOf(pacs)).lookup(uid);
    expect(pacs.calls).toBe(10);
  });
});

describe('SOP class', () => {
  it('is read in the stored file when the index has none: a manifest without class would be wrong', async () => {
    const lookup = await createRestStudyIndex(clientOf(pacsOf({ sopClass: undefined }))).lookup(uid);
    expect(lookup).toMatchObject({
      kind: 'found',
      study: { series: [{ instances: [{ sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }, {}] }, {}] },
    });
  });

  it('is not guessed: the reading fails when the file cannot be read', async () => {
    const client = {
      ...clientOf(pacsOf({ sopClass: '' })),
      readSopClassUid: () => Promise.reject(new DrimboxError('orthanc/unreachable')),
    };
    await expect(createRestStudyIndex(client).lookup(uid)).rejects.toMatchObject({ code: 'orthanc/unreachable' });
  });
});

it('more than one Orthanc study for one UID is duplicated, and none is opened (A5)', async () => {
  const pacs = pacsOf({ studies: ['b', 'a'] });
  expect(await createRestStudyIndex(clientOf(pacs)).lookup(uid)).toEqual({
    kind: 'duplicated',
    orthancIds: ['a', 'b'],
  });
  expect(pacs.calls).toBe(1);
});

describe('many studies at once', () => {
  const uids = Array.from({ length: 11 }, (_, index) => parseStudyInstanceUid(`2.25.${index + 1}`));
  const [first = uid, second = uid, ...others] = uids;
  const failing = (code: 'orthanc/answer-invalid' | 'orthanc/unreachable'): OrthancClient => ({
    ...clientOf(pacsOf()),
    findStudies: async (asked) => {
      await Promise.resolve();
      if (asked === second) throw new DrimboxError(code);
      return asked === first ? await clientOf(pacsOf()).findStudies(first) : [];
    },
  });

  it('give one answer each, and one that Orthanc tells wrongly spoils no other', async () => {
    const answers = await createRestStudyIndex(failing('orthanc/answer-invalid')).lookupMany([...uids, first]);
    expect(answers.size).toBe(uids.length);
    expect(answers.get(first)).toMatchObject({ kind: 'found' });
    expect(answers.get(second)).toMatchObject({ kind: 'failed', error: { code: 'orthanc/answer-invalid' } });
    for (const other of others) expect(answers.get(other)).toEqual({ kind: 'absent' });
  });

  it('give no answer at all when Orthanc is not there', async () => {
    const index = createRestStudyIndex(failing('orthanc/unreachable'));
    await expect(index.lookupMany(uids)).rejects.toMatchObject({ code: 'orthanc/unreachable' });
  });

  it('are asked four at a time: more would only queue in Orthanc', async () => {
    let [asking, most] = [0, 0];
    const client = {
      ...clientOf(pacsOf()),
      findStudies: async () => {
        asking += 1;
        most = Math.max(most, asking);
        await new Promise((resolve) => setImmediate(resolve));
        asking -= 1;
        return [];
      },
    };
    await createRestStudyIndex(client).lookupMany(uids);
    expect(most).toBe(4);
  });

  it('that are none ask nothing', async () => {
    const pacs = pacsOf();
    expect([await createRestStudyIndex(clientOf(pacs)).lookupMany([]), pacs.calls]).toEqual([new Map(), 0]);
  });
});
