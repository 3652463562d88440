/** `drimbox pacs speed` (DB.SO.102). UIDs and files are invented. */
import { expect, it } from 'vitest';
import { pacsSpeed, type PacsSpeedCommandPorts } from '../../plugin/admin/pacs-speed-command.ts';
import { DrimboxError } from '../../plugin/errors.ts';

const none = new AbortController().signal;
const unkept = (): Promise<object> => Promise.resolve({ kept: false });
const control = '2.25.999999.1';
const idOf = (number: number): string => `${String(number).padStart(8, '0')}${'-00000000'.repeat(4)}`;

const portsOf = (known: readonly string[], asked: string[] = []): PacsSpeedCommandPorts => {
  let nowMs = 0;
  const file = {
    sizeBytes: 4,
    uuid: 'a',
    transferSyntaxUid: '1.2.840.10008.1.2.4.80',
    source: 'orthanc',
    stream: async function* () {
      yield await Promise.resolve({ bytes: Buffer.alloc(4), giveBack: () => undefined });
    },
    close: () => Promise.resolve(),
  };
  const client = {
    findControlStudy: () => Promise.resolve(known.length === 0 ? undefined : { studyInstanceUid: known[0] }),
    system: () => Promise.resolve({}),
    listSomeInstanceIds: () => Promise.resolve([]),
    listInstances: () => Promise.resolve([]),
    findStudies: (uid: string) => {
      asked.push(uid);
      return Promise.resolve(known.includes(uid) ? [{ ID: idOf(1), PatientMainDicomTags: {} }] : []);
    },
    listSeries: () => Promise.resolve([{ ID: idOf(2), MainDicomTags: {}, Instances: [idOf(3), idOf(4)] }]),
  };
  return {
    client: client as never,
    files: { open: () => Promise.resolve(file as never) },
    monotonic: () => (nowMs += 1.2345),
  };
};

it('measures some study that the PACS has, and says by which way it was read', async () => {
  expect(await pacsSpeed(['pacs', 'speed'], portsOf([control]), none, unkept)).toEqual({
    kind: 'measured',
    studyInstanceUid: control,
    storage: 'files asked of Orthanc by REST: StorageFolder is not set',
    objects: 2,
    bytes: 8,
    readInFolder: 0,
    transferSyntaxes: { '1.2.840.10008.1.2.4.80': 2 },
    failures: {},
    listMs: 1.2,
    firstImageMs: 2.5,
    totalMs: 3.7,
    megabytesPerSecond: 0,
    kept: false,
  });
});

it('measures the study that is named', async () => {
  const asked: string[] = [];
  await pacsSpeed(['pacs', 'speed', '2.25.999999.2'], portsOf([control, '2.25.999999.2'], asked), none, unkept);
  expect(asked).toEqual(['2.25.999999.2']);
  expect(await pacsSpeed(['pacs', 'speed', '2.25.999999.3'], portsOf([control]), none, unkept)).toMatchObject({
    kind: 'absent',
    studyInstanceUid: '2.25.999999.3',
  });
});

it.each([
  [['pacs', 'speed', '2.25.1', '2.25.2'], 'cli/usage'],
  [['pacs', 'speed', '--fast'], 'cli/usage'],
  [['pacs', 'speed', '../1'], 'standards/uid-invalid'],
] as const)('%j: %s', async (words, code) => {
  await expect(pacsSpeed(words, portsOf([control]), none, unkept)).rejects.toMatchObject({ code });
});

it('an empty PACS has nothing to measure: orthanc/not-found', async () => {
  const failed = pacsSpeed(['pacs', 'speed'], portsOf([]), none, unkept);
  await expect(failed).rejects.toBeInstanceOf(DrimboxError);
  await expect(failed).rejects.toMatchObject({ code: 'orthanc/not-found' });
});
