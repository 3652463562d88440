/** A minimal Key Object Selection document, Explicit VR Little Endian. @see PS3.5 §7 · PS3.3 A.35.4 */
import type { SubmissionFacts } from './example-facts.ts';
import { utcDtm } from './example-facts.ts';

const longForms: readonly string[] = ['OB', 'SQ', 'UT', 'UR'];

const element = (tag: string, vr: string, value: string | Buffer): Buffer => {
  const raw = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  const padding = raw.length % 2 === 0 ? Buffer.alloc(0) : Buffer.from(vr === 'UI' ? '\0' : ' ');
  const content = Buffer.concat([raw, padding]);
  const isLong = longForms.includes(vr);
  const header = Buffer.alloc(isLong ? 12 : 8);
  header.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  header.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  header.write(vr, 4, 'latin1');
  if (isLong) header.writeUInt32LE(content.length, 8);
  else header.writeUInt16LE(content.length, 6);
  return Buffer.concat([header, content]);
};

const sequence = (tag: string, ...items: Buffer[]): Buffer =>
  element(
    tag,
    'SQ',
    Buffer.concat(
      items.map((item) => {
        const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
        header.writeUInt32LE(item.length, 4);
        return Buffer.concat([header, item]);
      }),
    ),
  );

const keyObjectSelection = '1.2.840.10008.5.1.4.1.1.88.59';
const ctImage = '1.2.840.10008.5.1.4.1.1.2';

const reference = (uid: string): Buffer =>
  Buffer.concat([element('00081150', 'UI', ctImage), element('00081155', 'UI', uid)]);

const code = (value: string, meaning: string): Buffer =>
  Buffer.concat([
    element('00080100', 'SH', value),
    element('00080102', 'SH', 'DCM'),
    element('00080104', 'LO', meaning),
  ]);

/** Instance references of the manifest: two, in one series. */
const evidence = (facts: SubmissionFacts): Buffer =>
  Buffer.concat([
    sequence(
      '00081115',
      Buffer.concat([
        sequence('00081199', reference(`${facts.studyInstanceUid}.1.1`), reference(`${facts.studyInstanceUid}.1.2`)),
        element('0020000E', 'UI', `${facts.studyInstanceUid}.1`),
      ]),
    ),
    element('0020000D', 'UI', facts.studyInstanceUid),
  ]);

const content = (facts: SubmissionFacts): Buffer =>
  Buffer.concat([
    sequence('00081199', reference(`${facts.studyInstanceUid}.1.1`)),
    element('0040A010', 'CS', 'CONTAINS'),
    element('0040A040', 'CS', 'IMAGE'),
  ]);

export interface KosChanges {
  readonly patientId?: string;
  readonly patientIssuer?: string;
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
  readonly studyInstanceUid?: string;
  readonly titleCode?: string;
  readonly creationTime?: string;
  readonly withoutTimeZone?: boolean;
  readonly withoutEvidence?: boolean;
  readonly withoutContent?: boolean;
}

/** Creation times are written in +0200, so that a reader must convert them. */
export const buildExampleKos = (facts: SubmissionFacts, changes: KosChanges = {}): Buffer => {
  const local = utcDtm(facts.nowMs + 7_200_000);
  const sopClassUid = changes.sopClassUid ?? keyObjectSelection;
  const sopInstanceUid = changes.sopInstanceUid ?? facts.kosUniqueId;
  const dataset = Buffer.concat([
    element('00080005', 'CS', 'ISO_IR 100'),
    element('00080012', 'DA', local.slice(0, 8)),
    element('00080013', 'TM', changes.creationTime ?? local.slice(8)),
    element('00080016', 'UI', sopClassUid),
    element('00080018', 'UI', sopInstanceUid),
    element('00080060', 'CS', 'KO'),
    ...(changes.withoutTimeZone === true ? [] : [element('00080201', 'SH', '+0200')]),
    element('00100010', 'PN', `${facts.patient.family}^${facts.patient.given}`),
    element('00100020', 'LO', changes.patientId ?? facts.patient.ins),
    sequence(
      '00100024',
      Buffer.concat([
        element('00400032', 'UT', changes.patientIssuer ?? facts.patient.oid),
        element('00400033', 'CS', 'ISO'),
      ]),
    ),
    element('0020000D', 'UI', changes.studyInstanceUid ?? facts.studyInstanceUid),
    element('0020000E', 'UI', `${facts.studyInstanceUid}.59`),
    element('0040A040', 'CS', 'CONTAINER'),
    sequence('0040A043', code(changes.titleCode ?? '113030', 'Manifest')),
    ...(changes.withoutEvidence === true ? [] : [sequence('0040A375', evidence(facts))]),
    ...(changes.withoutContent === true ? [] : [sequence('0040A730', content(facts))]),
  ]);
  const meta = Buffer.concat([
    element('00020001', 'OB', Buffer.from([0, 1])),
    element('00020002', 'UI', sopClassUid),
    element('00020003', 'UI', sopInstanceUid),
    element('00020010', 'UI', '1.2.840.10008.1.2.1'),
    element('00020012', 'UI', '2.25.999999001'),
  ]);
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(meta.length);
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), element('00020000', 'UL', groupLength), meta, dataset]);
};
