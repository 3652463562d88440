import { describe, expect, test } from 'vitest';
import { parseHl7Message, parseMessageKind, parseStudyChange } from '../../plugin/hl7/index.ts';
import { buildOmi, buildOru, type StudyChangeOptions } from '../peers/ris/index.ts';
import { cda, refusalOf, setField, without } from './invented.ts';

const uid = '1.2.250.1.999999.5.1';
const change = (options: Partial<StudyChangeOptions> = {}) =>
  parseStudyChange(parseHl7Message(buildOmi({ studyInstanceUids: [uid], ...options })));

describe('DB.SO.133 OMI^O23 (decision D4: a hint)', () => {
  test('reads the study of IPC-3, order control, status and accession number', () => {
    expect(change({ accessionNumber: 'ACN1^^1.2.250.1.999999.1.2^ISO' })).toEqual({
      controlId: 'EX0101',
      sender: { application: 'PACS-EXEMPLE', facility: 'CENTRE-EXEMPLE' },
      studyInstanceUids: [uid],
      orderControl: 'NW',
      orderStatus: 'SC',
      accessionNumber: { value: 'ACN1', issuerOid: '1.2.250.1.999999.1.2' },
    });
  });

  test('gives each study once, in order', () => {
    expect(change({ studyInstanceUids: ['1.2.3.2', uid, '1.2.3.2'] }).studyInstanceUids).toEqual(['1.2.3.2', uid]);
  });

  test('accepts a deletion, a teleradiology message, no profile and few segments', () => {
    expect(change({ orderControl: 'CA', orderStatus: '' })).toMatchObject({ orderControl: 'CA' });
    expect(change({ orderControl: 'CA', orderStatus: '' })).not.toHaveProperty('orderStatus');
    expect(change({ profile: '1.0^CISIS_TLR_HL7_V2', orderControl: 'SR' }).orderControl).toBe('SR');
    expect(change({ version: '2.5' }).studyInstanceUids).toEqual([uid]);
    expect(change({ edit: (all) => without('OBX')(without('TQ1')(without('PV1')(all))) }).orderControl).toBe('NW');
  });

  test.each([
    ['hl7/segment-missing IPC', without('IPC')],
    ['hl7/segment-missing ORC', without('ORC')],
    ['hl7/field-missing IPC^1^3', setField('IPC', 3, '')],
    ['hl7/field-invalid IPC^1^3', setField('IPC', 3, '1.2.03')],
    ['hl7/event-unsupported MSH^1^9', setField('MSH', 9, 'OMI^O24')],
    ['hl7/version-unsupported MSH^1^12', setField('MSH', 12, '2.4')],
    ['hl7/field-missing MSH^1^10', setField('MSH', 10, '')],
    ['hl7/value-unknown MSH^1^11', setField('MSH', 11, 'Z')],
  ])('refuses with %s', (expected, edit) => {
    expect(refusalOf(() => change({ edit }))).toBe(expected);
  });

  test('a report is not a study change', () => {
    const message = parseHl7Message(buildOru({ cda }));
    expect(refusalOf(() => parseStudyChange(message))).toBe('hl7/message-type-unsupported MSH^1^9');
    expect(parseMessageKind(message)).toBe('report');
  });
});
