import { describe, expect, test } from 'vitest';
import { parseHl7Message, parseReportTransmission } from '../../plugin/hl7/index.ts';
import { buildMdm, buildOmi, buildOru, type ReportMessageOptions, reportCode } from '../peers/ris/index.ts';
import { cda, parseReport, policy, refusalOf, setField, without } from './invented.ts';

type Change = Omit<ReportMessageOptions, 'cda'>;
const move =
  (name: string, after: string) =>
  (segments: string[]): string[] => {
    const moved = segments.filter((segment) => segment.startsWith(name));
    const others = segments.filter((segment) => !segment.startsWith(name));
    return others.flatMap((segment) => (segment.startsWith(after) ? [segment, ...moved] : [segment]));
  };
const twice = (name: string) => (segments: string[]) =>
  segments.flatMap((segment) => (segment.startsWith(`${name}|`) ? [segment, segment] : [segment]));
const secondOrder = (segments: string[]) => [
  ...segments,
  'ORC|NW',
  `OBR|2|||${reportCode}`,
  `OBX|1|ED|${reportCode}||^TEXT^XML^Base64^PGEvPg==||||||F`,
];

const oruRows: readonly (readonly [string, string, Change])[] = [
  ['message type (200)', 'hl7/message-type-unsupported MSH^1^9', { edit: setField('MSH', 9, 'ADT^A01') }],
  ['an acknowledgment (200)', 'hl7/message-type-unsupported MSH^1^9', { edit: setField('MSH', 9, 'ACK^R01^ACK') }],
  [
    'a name of Object.prototype (200)',
    'hl7/message-type-unsupported MSH^1^9',
    { edit: setField('MSH', 9, 'toString') },
  ],
  ['MSH-9 empty (101)', 'hl7/field-missing MSH^1^9', { edit: setField('MSH', 9, '') }],
  ['event (201)', 'hl7/event-unsupported MSH^1^9', { event: 'R03' }],
  ['version (203)', 'hl7/version-unsupported MSH^1^12', { version: '2.3.1' }],
  ['the version of MDM (203)', 'hl7/version-unsupported MSH^1^12', { version: '2.6' }],
  ['MSH-12 empty (101)', 'hl7/field-missing MSH^1^12', { version: '' }],
  ['MSH-10 empty (101)', 'hl7/field-missing MSH^1^10', { controlId: '' }],
  ['MSH-11 empty (101)', 'hl7/field-missing MSH^1^11', { processingId: '' }],
  ['MSH-11 out of its table (103)', 'hl7/value-unknown MSH^1^11', { processingId: 'X' }],
  ['MSH-3 empty (101)', 'hl7/field-missing MSH^1^3', { sendingApplication: '' }],
  ['MSH-4 empty (101)', 'hl7/field-missing MSH^1^4', { sendingFacility: '' }],
  ['MSH-21 absent', 'hl7/profile-unsupported MSH^1^21', { profile: '' }],
  ['another profile', 'hl7/profile-unsupported MSH^1^21', { profile: '1.0^CISIS_TLR_HL7_V2' }],
  ['profile 1', 'hl7/profile-unsupported MSH^1^21', { profile: '1.1^CISIS_CDA_HL7_V2' }],
  ['no PID (100)', 'hl7/segment-missing PID', { edit: without('PID') }],
  ['no ORC (100)', 'hl7/segment-missing ORC', { edit: without('ORC') }],
  ['no OBR (100)', 'hl7/segment-missing OBR', { edit: without('OBR') }],
  ['no OBX (100)', 'hl7/segment-missing OBX', { edit: without('OBX') }],
  ['ORC before PID (100)', 'hl7/segment-missing ORC^1', { edit: move('ORC', 'MSH') }],
  ['PV1 after ORC (100)', 'hl7/segment-missing ORC^1', { edit: move('PV1', 'ORC') }],
  ['two patients (100)', 'hl7/segment-missing PID^2', { edit: twice('PID') }],
  ['documents under two orders (100)', 'hl7/segment-missing OBX^8^5', { edit: secondOrder }],
  ['PID-3 empty (101)', 'hl7/field-missing PID^1^3', { patient: { ins: null, ipp: null } }],
  ['ORC-1 empty (101)', 'hl7/field-missing ORC^1^1', { orderControl: '' }],
  ['ORC-1 out of its table (103)', 'hl7/value-unknown ORC^1^1', { orderControl: 'SC' }],
  ['ORC-1 in small letters (103)', 'hl7/value-unknown ORC^1^1', { orderControl: 'nw' }],
  ['OBX-11 empty (101)', 'hl7/field-missing OBX^1^11', { resultStatus: '' }],
  ['a preliminary result (103)', 'hl7/value-unknown OBX^1^11', { resultStatus: 'P' }],
  ['ORC-1 NW with OBX-11 C (B1)', 'hl7/action-incoherent ORC^1^1', { resultStatus: 'C' }],
  ['ORC-1 RO with OBX-11 F (B1)', 'hl7/action-incoherent ORC^1^1', { orderControl: 'RO' }],
  ['OBR-4 empty (101)', 'hl7/field-missing OBR^1^4', { edit: setField('OBR', 4, '') }],
  ['no ED (101)', 'hl7/document-missing OBX', { edit: setField('OBX', 2, 'ST') }],
  ['OBX-3 that is not OBR-4 (101)', 'hl7/document-missing OBX^1^3', { edit: setField('OBX', 3, '11488-4^X^LN') }],
  ['no payload (101)', 'hl7/document-missing OBX^1^5', { payload: '' }],
  ['OBX-5 empty (101)', 'hl7/document-missing OBX^1^5', { edit: setField('OBX', 5, '') }],
  ['not base64 (102)', 'hl7/document-invalid OBX^1^5', { payload: 'PGEvPg!!' }],
  ['base64 of impossible length (102)', 'hl7/document-invalid OBX^1^5', { payload: 'PGEvP' }],
  ['base64 with the URL alphabet (102)', 'hl7/document-invalid OBX^1^5', { payload: 'PGEvPj4_' }],
  ['two payloads stuck together (102)', 'hl7/document-invalid OBX^1^5', { payload: 'PGEvPg==PGEvPg==' }],
  ['OBX-5.4 not Base64 (102)', 'hl7/document-invalid OBX^1^5', { edit: setField('OBX', 5, '^TEXT^XML^Hex^3C') }],
  ['OBX-5 twice (102)', 'hl7/document-invalid OBX^1^5', { payload: 'PGEvPg==~^TEXT^XML^Base64^PGEvPg==' }],
  ['a payload that is not XML (102)', 'hl7/document-invalid OBX^1^5', { payload: 'RG9jdW1lbnQ=' }],
  ['a PDF (102)', 'hl7/document-invalid OBX^1^5', { payload: Buffer.from('%PDF-1.7 <x>').toString('base64') }],
];

const mdmRows: readonly (readonly [string, string, Change])[] = [
  ['event (201)', 'hl7/event-unsupported MSH^1^9', { event: 'T08' }],
  ['version of ORU (203)', 'hl7/version-unsupported MSH^1^12', { version: '2.5' }],
  ['no EVN (100)', 'hl7/segment-missing EVN', { edit: without('EVN') }],
  ['no PV1 (100)', 'hl7/segment-missing PV1', { patientClass: null }],
  ['no TXA (100)', 'hl7/segment-missing TXA', { edit: without('TXA') }],
  ['two TXA (100)', 'hl7/segment-missing TXA^2', { edit: twice('TXA') }],
  ['TXA before ORC (100)', 'hl7/segment-missing TXA^1', { edit: move('TXA', 'EVN') }],
  ['event T02 with RO and C (B1)', 'hl7/action-incoherent MSH^1^9', { action: 'replace', event: 'T02' }],
  ['event T04 with NW and F (B1)', 'hl7/action-incoherent MSH^1^9', { event: 'T04' }],
  ['TXA-12 empty (101)', 'hl7/field-missing TXA^1^12', { documentId: '' }],
  ['a document nobody signed (103)', 'hl7/value-unknown TXA^1^17', { edit: setField('TXA', 17, 'IP') }],
];

describe('DB.SO.03 refused, with the place of the error for ERR-2 (IG profils-messages, decision B1)', () => {
  test.each(oruRows)('ORU: %s → %s', (_, expected, change) => {
    expect(refusalOf(() => parseReport(buildOru({ cda, ...change })))).toBe(expected);
  });

  test.each(mdmRows)('MDM: %s → %s', (_, expected, change) => {
    expect(refusalOf(() => parseReport(buildMdm({ cda, ...change })))).toBe(expected);
  });

  test('OMI is not a report', () => {
    const message = parseHl7Message(buildOmi({ studyInstanceUids: ['1.2.250.1.999999.5.1'] }));
    expect(refusalOf(() => parseReportTransmission(message, policy))).toBe('hl7/message-type-unsupported MSH^1^9');
  });

  test('no refusal repeats a value of the message: details go to logs (A6)', () => {
    const secrets = ['290017512345604', 'EXEMPLE', 'ANNA', 'MODELE', '899900000001'];
    for (const [, , change] of [...oruRows, ...mdmRows]) {
      try {
        parseReport(buildOru({ cda, ...change }));
      } catch (error) {
        const shown = JSON.stringify([String(error), error]);
        expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
      }
    }
  });
});
