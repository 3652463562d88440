/** Messages that are refused: the sender is told why, the message is kept, and nothing of it is ever published. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../plugin/errors.ts';
import { openStore } from '../../plugin/store/index.ts';
import { buildExamination, examinationPatient, type ExaminationOptions } from '../fixtures/examination.ts';
import { buildCdaText, type CdaOverrides } from '../fixtures/report/build-cda.ts';
import { buildOmi } from '../peers/ris/index.ts';
import { type FlowSite, isSiteHere, startFlowSite, type StoreKind } from './flow-site.ts';

const testOid = '1.2.250.1.213.1.4.10';
const productionOid = '1.2.250.1.213.1.4.8';
const ins = examinationPatient.ins[0]?.value ?? '';
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An examination whose report is spoilt after it was written. */
const spoilt = (edit: (cda: string) => string, cda: CdaOverrides = {}): Uint8Array =>
  buildExamination({ number: 50, message: { cda: bytes(edit(buildCdaText(cda))) } }).message;

const report = (options: ExaminationOptions): Uint8Array => buildExamination({ number: 50, ...options }).message;

const inPid = (patient: { ins?: string | null; insOid?: string; ipp?: string; identityStatus?: string | null }) => ({
  message: { patient: { ins, ipp: 'IPP-0042', birthDate: '19850321', ...patient } },
});

interface Refusal {
  readonly why: string;
  readonly message: Uint8Array;
  readonly code: ErrorCode;
  /** ERR-3.1, and ERR-5.1 for 207. */
  readonly told: readonly [condition: string, applicationCode: string];
}

const refusals: readonly Refusal[] = [
  {
    why: 'ADT is no report',
    message: report({
      message: { edit: ([msh = '', ...rest]) => [msh.replace('ORU^R01^ORU_R01', 'ADT^A08'), ...rest] },
    }),
    code: 'hl7/message-type-unsupported',
    told: ['200', ''],
  },
  {
    why: 'MDM^T01 notifies without document',
    message: report({ form: 'MDM', message: { event: 'T01' } }),
    code: 'hl7/event-unsupported',
    told: ['201', ''],
  },
  {
    why: 'ORU in version 2.3',
    message: report({ message: { version: '2.3' } }),
    code: 'hl7/version-unsupported',
    told: ['203', ''],
  },
  {
    why: 'another profile in MSH-21',
    message: report({ message: { profile: '1.1^CISIS_CDA_HL7_V2' } }),
    code: 'hl7/profile-unsupported',
    told: ['103', ''],
  },
  {
    why: 'ORC-1 says new and OBX-11 says corrected (B1)',
    message: report({ message: { resultStatus: 'C' } }),
    code: 'hl7/action-incoherent',
    told: ['207', '906'],
  },
  {
    why: 'MDM^T02 with a replacement inside (B1)',
    message: report({ form: 'MDM', message: { action: 'replace', event: 'T02' } }),
    code: 'hl7/action-incoherent',
    told: ['207', '906'],
  },
  {
    why: 'PID-3 has no INS',
    message: report(inPid({ ins: null })),
    code: 'publication/patient-mismatch',
    told: ['207', '904'],
  },
  {
    why: 'another INS in PID than in the report (A2)',
    message: report(inPid({ ins: '185047512345657' })),
    code: 'publication/patient-mismatch',
    told: ['207', '904'],
  },
  {
    why: 'the same INS under another OID in PID than in the report (A2)',
    message: report(inPid({ insOid: '1.2.250.1.213.1.4.11' })),
    code: 'publication/patient-mismatch',
    told: ['207', '904'],
  },
  {
    why: 'another IPP of the same authority in PID than in the report (A2)',
    message: report({
      message: {
        patient: { ins, ipp: 'IPP-0043', ippOid: '1.2.250.1.999999.1.1', birthDate: '19850321' },
      },
    }),
    code: 'publication/patient-mismatch',
    told: ['207', '904'],
  },
  {
    why: 'PID-32 is not VALI (A2)',
    message: report(inPid({ identityStatus: 'PROV' })),
    code: 'publication/identity-not-validated',
    told: ['207', '905'],
  },
  {
    why: 'an INS of production in the test environment (A1)',
    message: report({
      ...inPid({ insOid: productionOid }),
      cda: { patient: { ins: [{ value: ins, oid: productionOid }] } },
    }),
    code: 'publication/environment-mismatch',
    told: ['202', ''],
  },
  {
    why: 'a report of biology',
    message: spoilt((cda) => cda.replace('<code code="18748-4"', '<code code="11502-2"')),
    code: 'report/type-unsupported',
    told: ['207', '906'],
  },
  {
    why: 'an imaging request, not a report',
    message: spoilt((cda) => cda.replace('<code code="18748-4"', '<code code="55115-0"')),
    code: 'report/type-unsupported',
    told: ['207', '906'],
  },
  {
    why: 'a DTD in the report',
    message: spoilt((cda) =>
      cda.replace('<ClinicalDocument', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>\n<ClinicalDocument'),
    ),
    code: 'report/xml-forbidden',
    told: ['102', ''],
  },
  {
    why: 'a report cut in the middle',
    message: spoilt((cda) => cda.slice(0, cda.length / 2)),
    code: 'report/xml-invalid',
    told: ['102', ''],
  },
  {
    why: 'XML that is no CDA',
    message: report({ message: { cda: bytes('<?xml version="1.0"?><page/>') } }),
    code: 'report/not-a-cda',
    told: ['102', ''],
  },
  {
    why: 'a report without StudyInstanceUID (B4)',
    message: report({ cda: { studies: [{ uids: [] }] } }),
    code: 'report/study-missing',
    told: ['207', '906'],
  },
  {
    why: 'a report without INS',
    message: report({ cda: { patient: { ins: [] } } }),
    code: 'report/ins-missing',
    told: ['207', '903'],
  },
  {
    why: 'a document that is no base64',
    message: report({ message: { payload: '!!!! no base64 !!!!' } }),
    code: 'hl7/document-invalid',
    told: ['102', ''],
  },
  {
    why: 'a flag that is neither Y nor N: who may see it is in doubt',
    message: report({ message: { flags: { MASQUE_PS: 'MAYBE' } } }),
    code: 'hl7/value-unknown',
    told: ['103', ''],
  },
  {
    why: 'a report that nobody has signed yet (TXA-17)',
    message: report({
      form: 'MDM',
      message: { edit: (segments) => segments.map((one) => one.replace(/\|AU$/, '|DI')) },
    }),
    code: 'hl7/value-unknown',
    told: ['103', ''],
  },
  {
    why: 'bytes that say ISO 8859-1 where MSH-18 says UTF-8',
    message: report({ message: { charset: 'UNICODE UTF-8', encoding: 'iso-8859-1' } }),
    code: 'hl7/charset-invalid',
    told: ['102', ''],
  },
  { why: 'no HL7 at all', message: bytes('hello'), code: 'hl7/message-invalid', told: ['100', ''] },
  {
    why: 'OMI^O23 without StudyInstanceUID',
    message: buildOmi({ studyInstanceUids: [''], controlId: 'OMI-50' }),
    code: 'hl7/field-missing',
    told: ['101', ''],
  },
];

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

interface KeptMessage {
  readonly outcome: string;
  readonly error_code: string | null;
  readonly raw_bytes: number;
  readonly content_sha256: string;
}

const keptMessages = `SELECT outcome, error_code, length(raw) AS raw_bytes, content_sha256 FROM message ORDER BY id`;

/** Straight from the table: what the sidecar says of itself is no proof. */
const readMessages = async (flow: FlowSite): Promise<readonly KeptMessage[]> => {
  if (flow.postgres !== undefined)
    return (await flow.postgres.run(keptMessages, 'drimbox')) as unknown as KeptMessage[];
  await flow.site.sidecar().stop();
  const store = await openStore({ url: 'embedded', folder: join(flow.site.folder, 'store') });
  const { rows } = (await store.knex.raw(keptMessages)) as { rows: KeptMessage[] };
  await store.close();
  await flow.site.restartSidecar();
  return rows;
};

describe.skipIf(!isSiteHere).each(stores)('refused messages, store %s', (store) => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ store });
    // The images are there: nothing but the refusal keeps the manifest from being published.
    await flow.keep(buildExamination({ number: 50 }).instances);
  });
  afterAll(() => flow.stop());

  it.each(refusals)('$why: AE $told, $code (DB.SO.03, DB.SO.141, B3)', async ({ message, told }) => {
    const answer = await flow.send(message);
    expect(answer.code).toBe('AE');
    expect(answer.errors).toHaveLength(1);
    const [error] = answer.errors;
    expect([error?.condition, error?.applicationCode, error?.severity]).toEqual([...told, 'E']);
    for (const identity of [ins, 'CAMILLE', 'IPP-0042']) expect(answer.text).not.toContain(identity);
  });

  it('none of them made a study known, and nothing was sent', async () => {
    expect(await flow.ask('archive', 'list')).toEqual([]);
    expect(await flow.countSubmissions()).toBe(0);
    expect(await flow.dmp.entries()).toEqual([]);
  });

  it('every refused message is kept with its bytes and its reason (B3, DB.SO.105)', async () => {
    const kept = await readMessages(flow);
    expect(kept.map(({ outcome, error_code: code }) => [outcome, code])).toEqual(
      refusals.map(({ code }) => ['refused', code]),
    );
    expect(kept.map(({ raw_bytes: length }) => Number(length))).toEqual(refusals.map(({ message }) => message.length));
  });

  it('a refused message that comes again is refused and kept again: nothing of it counts as a duplicate (B2)', async () => {
    const [, , version] = refusals;
    const { code } = await flow.send(version?.message ?? new Uint8Array());
    expect(code).toBe('AE');
    expect(await readMessages(flow)).toHaveLength(refusals.length + 1);
  });

  it('a good message right behind a refused one, on the same connection, is published', async () => {
    const { code } = await flow.send(report({ message: { version: '2.3' } }));
    expect(code).toBe('AE');
    const examination = buildExamination({ number: 50 });
    await flow.accepts(examination.message);
    await flow.reaches(examination.studyInstanceUid, 'published');
    expect(await flow.manifestsOf(examination.studyInstanceUid)).toHaveLength(1);
  });

  it('the log names control ids and codes, never a patient (A6)', () => {
    const log = flow.site.sidecar().log();
    for (const identity of [ins, 'CAMILLE', 'IPP-0042', 'IPP-0043', 'EXEMPLE^']) expect(log).not.toContain(identity);
    expect(log).toContain('publication/patient-mismatch');
  });

  it('each RIS has its own agreement; one that is not listed is refused (DB.SO.188, DB.SO.04)', async () => {
    await flow.reconfigure((section) => {
      section['Hl7'] = {
        ...section['Hl7'],
        UnknownSenders: 'refuse',
        Senders: [
          { Application: 'RIS-STRICT', Facility: 'CENTRE-EXEMPLE', IdentityStatusAbsent: 'refuse' },
          { Application: 'RIS-MILD', Facility: 'CENTRE-EXEMPLE' },
        ],
      };
    });
    const from = (sendingApplication: string, number: number) =>
      buildExamination({
        number,
        message: {
          sendingApplication,
          patient: { ins, insOid: testOid, ipp: 'IPP-0042', birthDate: '19850321', identityStatus: null },
        },
      });
    const [strict, mild, unknown] = [from('RIS-STRICT', 61), from('RIS-MILD', 62), from('RIS-UNKNOWN', 63)];
    await flow.keep([strict, mild, unknown].flatMap(({ instances }) => instances));
    const ris = await Promise.all([flow.site.connectRis(), flow.site.connectRis(), flow.site.connectRis()]);
    const answers = await Promise.all([
      ris[0].send(strict.message),
      ris[1].send(mild.message),
      ris[2].send(unknown.message),
    ]);
    await Promise.all(ris.map((connection) => connection.close()));
    expect(answers.map(({ code, errors }) => [code, errors[0]?.applicationCode])).toEqual([
      ['AE', '905'],
      ['AA', undefined],
      ['AE', ''],
    ]);
    await flow.reaches(mild.studyInstanceUid, 'published');
    const list = (await flow.ask('archive', 'list')) as { studyInstanceUid: string }[];
    expect(list.map(({ studyInstanceUid }) => studyInstanceUid)).not.toContain(strict.studyInstanceUid);
    expect(list.map(({ studyInstanceUid }) => studyInstanceUid)).not.toContain(unknown.studyInstanceUid);
  });

  it('a message may be larger than a frame that is cut anywhere: three chunks, one acknowledgment', async () => {
    const examination = buildExamination({
      number: 64,
      message: { sendingApplication: 'RIS-MILD' },
      cda: { pdfBytes: 245_000 },
    });
    const ris = await flow.site.connectRis();
    const framed = Buffer.concat([Buffer.of(0x0b), examination.message, Buffer.of(0x1c, 0x0d)]);
    expect(framed.length).toBeGreaterThan(320_000);
    await ris.write(framed.subarray(0, 1));
    await ris.write(framed.subarray(1, 200_001));
    await ris.write(framed.subarray(200_001, framed.length - 1));
    await ris.write(framed.subarray(framed.length - 1));
    expect((await ris.nextAcknowledgment()).code).toBe('AA');
    await ris.close();
    await flow.reaches(examination.studyInstanceUid, 'waiting-for-images');
  });
});
