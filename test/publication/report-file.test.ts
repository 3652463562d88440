import { beforeEach, describe, expect, test } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildFromReport, readReportFile } from '../../plugin/publication/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { createFakePacs, type FakePacs, type PacsChanges, pacsStudy } from '../fixtures/publication/index.ts';
import { buildCda, type CdaOverrides } from '../fixtures/report/build-cda.ts';
import { buildOmi, frame } from '../peers/ris/index.ts';

const uid = buildExamination({ number: 1 }).studyInstanceUid;

describe('drimbox report read', () => {
  test('says what a message says: action, flags, person, remarks', () => {
    expect(readReportFile(buildExamination().message)).toMatchObject({
      kind: 'report',
      action: 'initial',
      sentToDmp: true,
      visibility: { maskedFromProfessionals: false },
      documentId: { root: '1.2.250.1.999999.20.1' },
      level: 1,
      studies: [{ studyInstanceUid: uid }],
      person: { kind: 'resolved', source: 'cda', person: { id: '899999999901' } },
      warnings: [],
    });
  });

  test('takes a message with its MLLP frame, or after blank lines', () => {
    const { message } = buildExamination();
    expect(readReportFile(frame(message))).toMatchObject({ kind: 'report' });
    expect(readReportFile(Buffer.concat([Buffer.from('\n\n'), message]))).toMatchObject({ kind: 'report' });
  });

  test('says which studies an OMI^O23 is about', () => {
    expect(readReportFile(buildOmi({ studyInstanceUids: [uid] }))).toEqual({ kind: 'study-change', studies: [uid] });
  });

  test('says what a report by itself says', () => {
    expect(readReportFile(buildCda())).toMatchObject({ kind: 'document', legalAuthenticator: { person: {} } });
    expect(readReportFile(buildCda({ legalAuthenticator: null }))).toMatchObject({ legalAuthenticator: null });
  });

  test('takes both environments: the file is looked at, not taken in', () => {
    const insOid = '1.2.250.1.213.1.4.8';
    const { message } = buildExamination({
      cda: { patient: { ins: [{ value: '285037512345691', oid: insOid }] } },
      message: { processingId: 'P', patient: { ins: '285037512345691', ipp: null, insOid } },
    });
    expect(readReportFile(message)).toMatchObject({ kind: 'report' });
  });

  test.each([
    [
      'another patient in PID',
      buildExamination({ message: { patient: { ins: '185037512345698' } } }).message,
      { code: 'publication/patient-mismatch', ack: { code: 'AE', condition: 207, applicationCode: 904 } },
    ],
    ['broken XML', Buffer.from('<ClinicalDocument'), { code: 'report/xml-invalid' }],
    ['nothing', new Uint8Array(), { code: 'report/xml-invalid' }],
    ['a message that is none', Buffer.from('MSH|^~\\&|A|B'), { kind: 'refused' }],
    ['a word in capitals', Buffer.from('HELLO'), { kind: 'refused' }],
  ])('says why %s is refused, as a sender would be told; never throws', (_title, file, expected) => {
    expect(readReportFile(file)).toMatchObject({ kind: 'refused', ...expected });
  });
});

describe('drimbox kos build', () => {
  let pacs: FakePacs;
  let uids: number;
  beforeEach(() => {
    pacs = createFakePacs();
    uids = 0;
  });
  const build = (file: Uint8Array, study?: string) =>
    buildFromReport(
      {
        index: pacs.index,
        orthanc: pacs.orthanc,
        site: {
          environment: 'test',
          timeZone: 'Europe/Paris',
          retrieveUrlBase: 'https://db-exemple.invalid/wado',
          software: { name: 'DRIMbox', manufacturer: 'Exemple', version: '0.0.1' },
          implementationClassUid: '1.2.250.1.999999.99',
        },
        manifests: { writeNonStandardEvidence: false },
        clock: () => Date.UTC(2026, 2, 12, 10),
        newUid: () => `1.2.250.1.999999.50.${(uids += 1)}`,
      },
      file,
      study,
    );
  const report = (cda: CdaOverrides = {}): Uint8Array => buildExamination({ cda }).message;

  test('makes the manifest of the study that a message names', async () => {
    pacs.put(pacsStudy(1, { seriesCount: 2 }));
    const { kos, ...rest } = await build(report());
    expect(rest).toEqual({ studyInstanceUid: uid, instances: 4 });
    expect(parseManifest(kos)).toMatchObject({
      studyInstanceUid: uid,
      instanceNumber: '1',
      requests: [{ accessionNumber: 'ACN1' }],
    });
  });

  test('makes it from a report by itself too, and without legal authenticator names the custodian', async () => {
    pacs.put(pacsStudy(1));
    const cda = buildCda({ studies: [{ uids: [uid] }], orders: [], legalAuthenticator: null });
    const { kos } = await build(cda);
    expect(parseManifest(kos).institution.name).toBe("Centre d'imagerie Exemple");
  });

  test('leaves out what is rejected, as the publication does', async () => {
    pacs.put(pacsStudy(1, { keyObject: { titleCode: '113001', rejects: 1 } }));
    expect((await build(report())).instances).toBe(1);
  });

  describe('of a report that names two studies', () => {
    const second = buildExamination({ number: 2 }).studyInstanceUid;
    const two = report({
      studies: [{ uids: [uid] }, { uids: [second] }],
      orders: [{ accessionNumber: { value: 'ACN1' } }, { accessionNumber: { value: 'ACN2' } }],
    });

    test('wants to be told which', async () => {
      await expect(build(two)).rejects.toMatchObject({ code: 'cli/usage' });
      await expect(build(two, '1.2.3')).rejects.toMatchObject({ code: 'cli/usage' });
    });

    test('takes the one it is told, with its own order', async () => {
      pacs.put(pacsStudy(2));
      const { kos, studyInstanceUid } = await build(two, second);
      expect(studyInstanceUid).toBe(second);
      expect(parseManifest(kos).requests).toMatchObject([{ accessionNumber: 'ACN2' }]);
    });
  });

  const refusals: readonly (readonly [string, Uint8Array, PacsChanges | 'absent' | 'doubled', string])[] = [
    ['the PACS does not have it', report(), 'absent', 'publication/study-not-found'],
    ['the PACS has it twice (A5)', report(), 'doubled', 'publication/study-duplicated'],
    ['images of somebody else (A4)', report(), { identity: { patientId: 'X' } }, 'publication/images-mismatch'],
    [
      'images that say nothing (A4)',
      report(),
      { identity: { patientId: '', accessionNumber: '', patientName: '', birthDate: '' } },
      'publication/images-unmatched',
    ],
    [
      'orders that pair with nothing (B5)',
      report({ orders: [{ accessionNumber: { value: 'A' } }, { accessionNumber: { value: 'B' } }] }),
      {},
      'publication/order-unpaired',
    ],
    ['every image rejected', report(), { keyObject: { titleCode: '113001', rejects: 2 } }, 'kos/study-empty'],
    ['a file that is no report', Buffer.from('<a/>'), {}, 'report/not-a-cda'],
  ];
  test.each(refusals)('refuses: %s', async (_title, file, content, code) => {
    if (content === 'doubled') pacs.double(uid);
    else if (content !== 'absent') pacs.put(pacsStudy(1, content));
    await expect(build(file)).rejects.toMatchObject({ code });
  });
});
