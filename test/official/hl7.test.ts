import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import {
  buildAcknowledgment,
  guessHeader,
  parseHl7Message,
  parseMessageKind,
  parseReportTransmission,
  parseStudyChange,
} from '../../plugin/hl7/index.ts';

/** Runs on the official samples beside the repository, where they are. */
const folder = new URL('../../../shared/data/hl7/', import.meta.url);
const isPresent = existsSync(folder);
const read = (name: string): Buffer => readFileSync(new URL(name, folder));
const policy = { missingFlag: 'refuse', missingDestination: 'send' } as const;

/** What the HL7 room decides about a message: outcome, or code and place of the refusal as ACK tells it. */
const judge = (name: string) => {
  const message = parseHl7Message(read(name));
  return parseMessageKind(message) === 'report' ? parseReportTransmission(message, policy) : parseStudyChange(message);
};
const refusalOf = (name: string) => {
  try {
    judge(name);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof DrimboxError)) throw error;
    const stamp = { controlId: 'ACK1', atUtcMs: 0 };
    const bytes = buildAcknowledgment(guessHeader(read(name)), { kind: 'refused', error }, stamp);
    return Buffer.from(bytes).toString('latin1').split('\r').slice(1, 3).join(' ');
  }
};

if (!isPresent)
  console.log('official HL7 samples are not beside this repository: test/official/hl7.test.ts is skipped');

describe.skipIf(!isPresent)('official HL7 samples', () => {
  const patient = {
    ins: { value: '279035121518989', oid: '1.2.250.1.213.1.4.10', issuer: 'ASIP-SANTE-INS-NIR' },
    birthFamilyName: 'PAT-TROIS',
    firstBirthGivenName: 'DOMINIQUE',
    birthDate: '19790328',
    sex: 'F',
    identityStatus: 'VALI',
  };
  const open = {
    maskedFromProfessionals: false,
    invisibleToPatient: false,
    invisibleToRepresentatives: false,
    secretConnection: false,
  };

  test('each file has a row below', () => {
    expect(readdirSync(folder)).toHaveLength(14);
  });

  test('mdm-t02 initial: three restrictions, EI.2 of TXA-12 ignored, no IPP', () => {
    const transmission = judge('mdm-t02_CR_Radio_INIT_N1_Base64.er7');
    expect(transmission).toMatchObject({
      messageType: 'MDM',
      action: 'initial',
      processingId: 'P',
      controlId: '015',
      patient: { ...patient, birthPlace: '63220' },
      patientClass: 'I',
      documentId: '1.2.250.1.71.4.2.2.120456789.71024000081',
      visibility: { ...open, invisibleToPatient: true, invisibleToRepresentatives: true, secretConnection: true },
      changesConfidentiality: false,
      sentToDmp: true,
      sendingPerson: { id: '801234564895', familyName: 'Eric', givenName: 'Thomas' },
      sendingOrganization: { id: '300017985', name: 'Organisation-Y', idType: 'FINEG' },
      warnings: [],
    });
    expect(transmission).not.toHaveProperty('patient.ipp');
    expect(transmission).not.toHaveProperty('parentDocumentId');
  });

  test('mdm-t10: replaces the former, changes its visibility', () => {
    expect(judge('mdm-t10_CR_Radio_RPLC_N1.er7')).toMatchObject({
      action: 'replace',
      documentId: '1.2.250.1.71.4.2.2.120456789.71024000082',
      parentDocumentId: '1.2.250.1.71.4.2.2.120456789.71024000081',
      changesConfidentiality: true,
      visibility: { ...open, secretConnection: true },
    });
  });

  test('mdm-t02 placeholder: AE, data type error at OBX-5', () => {
    expect(refusalOf('mdm-t02_CR_Radio_INIT_N1_placeholder.er7')).toBe(
      'MSA|AE|015 ERR||OBX^1^5|102^Data type error^messageErrorCondition|E',
    );
  });

  test('an ACK: AE 200', () => {
    expect(refusalOf('ack-t10.er7')).toBe(
      'MSA|AE|016 ERR||MSH^1^9|200^Unsupported message type^messageErrorCondition|E',
    );
  });

  test('ORM^O01: AE 200', () => {
    expect(refusalOf('orm-o01_tlr_flux1_demande.hl7')).toBe(
      'MSA|AE|000001 ERR||MSH^1^9|200^Unsupported message type^messageErrorCondition|E',
    );
  });

  test('both OMI^O23: a hint for the study', () => {
    expect(judge('omi-o23_drim-m_data_sample.hl7')).toEqual({
      controlId: '001',
      sender: { application: 'SENDING_APPLICATION', facility: 'SENDING_FACILITY' },
      studyInstanceUids: ['1.2.250.1.213.4.5.2.1.101'],
      orderControl: 'NW',
      orderStatus: 'SC',
      accessionNumber: { value: '105234751' },
    });
    expect(judge('omi-o23_tlr_flux4_post-acte.hl7')).toMatchObject({
      studyInstanceUids: ['1.2.250.1.213.4.5.2.1.101'],
      orderControl: 'SR',
      accessionNumber: { value: 'ACN101', issuerOid: '1.2.250.1.925.994044.27' },
    });
  });

  test.each([
    ['built-oru_initial.hl7', 'ORU', 'initial', { invisibleToPatient: true }, {}],
    ['built-mdm_t02_initial.hl7', 'MDM', 'initial', { invisibleToPatient: true }, { documentId: '…402' }],
    ['built-oru_replace.hl7', 'ORU', 'replace', {}, {}],
    ['built-mdm_t10_replace.hl7', 'MDM', 'replace', {}, { documentId: '…403', parentDocumentId: '…402' }],
    ['built-oru_delete.hl7', 'ORU', 'delete', {}, {}],
    ['built-mdm_t04_delete.hl7', 'MDM', 'delete', {}, { documentId: '…403' }],
  ] as const)('%s: accepted, %s %s', (name, messageType, action, restrictions, numbers) => {
    const expectedNumbers = Object.fromEntries(
      Object.entries(numbers).map(([key, value]) => [key, value.replace('…', '1.2.250.1.213.4.5.4.')]),
    );
    expect(judge(name)).toMatchObject({
      messageType,
      action,
      processingId: 'T',
      patient: {
        ...patient,
        ipp: { value: 'IPP101', issuerOid: '1.2.250.1.213.4.5.2.4' },
        usedFamilyName: 'PAT-TROIS',
        birthPlace: '51215',
      },
      visibility: { ...open, ...restrictions },
      sendingPerson: { id: '801234564895' },
      sendingOrganization: { id: '750803447' },
      warnings: [],
      ...expectedNumbers,
    });
  });

  test('NW with OBX-11 C: AE (decision B1)', () => {
    expect(refusalOf('built-err_incoherent_oru.hl7')).toBe(
      'MSA|AE|C0021 ERR||ORC^1^1|207^Application error^messageErrorCondition|E|906^Autre erreur^applicationErrorCondition',
    );
  });

  test.each([
    ['built-oru_initial.hl7', 'ris_transmission_initiale_cr_imagerie.xml'],
    ['built-mdm_t10_replace.hl7', 'ris_remplacement_cr_imagerie.xml'],
  ])('the document of %s is %s, byte for byte', (name, cda) => {
    const transmission = judge(name);
    const expected = readFileSync(new URL(`../cda/${cda}`, folder));
    expect('document' in transmission && expected.equals(transmission.document)).toBe(true);
  });
});
