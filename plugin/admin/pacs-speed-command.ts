/**
 * `drimbox pacs speed [UID]`: how fast the PACS gives a study, read by the way that the service takes.
 * It needs Orthanc and the configuration; where the store can be reached the figures are kept (`pacs-speeds-command.ts`).
 *
 * @see facts/spec.md (c), DB.SO.102
 */
import { DrimboxError } from '../errors.ts';
import {
  describeStorage,
  measurePacsSpeed,
  type OrthancClient,
  type PacsSpeed,
  type PacsSpeedPorts,
  probeStorage,
} from '../orthanc/index.ts';
import { parseStudyInstanceUid, type StudyInstanceUid } from '../standards/index.ts';
import { checkOptions, subjectsOf, usage } from './command-words.ts';

export interface PacsSpeedCommandPorts extends PacsSpeedPorts {
  readonly client: PacsSpeedPorts['client'] &
    Pick<OrthancClient, 'findControlStudy' | 'system' | 'listSomeInstanceIds' | 'listInstances'>;
  /** Orthanc.StorageFolder */
  readonly storageFolder?: string | undefined;
}

/** What was measured, of which study. */
export type MeasuredPacsSpeed = Extract<PacsSpeed, { kind: 'measured' }> & {
  readonly studyInstanceUid: StudyInstanceUid;
};

const synopsis = 'pacs speed [STUDY INSTANCE UID]';

/** To one decimal. */
export const roundedPacsFigure = (figure: number): number => Math.round(figure * 10) / 10;

const chooseStudy = async (
  subjects: readonly string[],
  client: PacsSpeedCommandPorts['client'],
): Promise<StudyInstanceUid> => {
  const [uid, ...others] = subjects;
  if (others.length > 0) throw usage(synopsis);
  if (uid !== undefined) return parseStudyInstanceUid(uid);
  const control = await client.findControlStudy();
  if (control === undefined) throw new DrimboxError('orthanc/not-found', { detail: 'Orthanc holds no study' });
  return control.studyInstanceUid;
};

/** As it is shown: without fractions that nobody measures. */
const describeMeasured = (speed: Extract<PacsSpeed, { kind: 'measured' }>, asked: object): object => {
  const { listMs, firstImageMs, totalMs, megabytesPerSecond, ...figures } = speed;
  return {
    ...figures,
    ...asked,
    listMs: roundedPacsFigure(listMs),
    firstImageMs: roundedPacsFigure(firstImageMs),
    totalMs: roundedPacsFigure(totalMs),
    megabytesPerSecond: roundedPacsFigure(megabytesPerSecond),
  };
};

/**
 * @param words  the command line, beginning with `pacs speed`; without UID, some study that Orthanc has
 * @param keep   has the figures kept; what it answers is shown with them
 * @returns `kind: measured` with the figures; `absent`; `duplicated` (decision A5)
 * @throws cli/usage, standards/uid-invalid, orthanc/*
 */
export const pacsSpeed = async (
  words: readonly string[],
  ports: PacsSpeedCommandPorts,
  signal: AbortSignal,
  keep: (measured: MeasuredPacsSpeed) => Promise<object>,
): Promise<object> => {
  checkOptions(words, []);
  const studyInstanceUid = await chooseStudy(subjectsOf(words, 2), ports.client);
  const storage = await probeStorage(ports.client, ports.storageFolder);
  const speed = await measurePacsSpeed(studyInstanceUid, ports, signal);
  const asked = { studyInstanceUid, storage: describeStorage(storage) };
  if (speed.kind !== 'measured') return { kind: speed.kind, ...asked };
  return { ...describeMeasured(speed, asked), ...(await keep({ ...speed, studyInstanceUid })) };
};
