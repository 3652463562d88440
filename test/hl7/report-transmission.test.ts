import { describe, expect, test } from 'vitest';
import { buildMdm, buildOru, reportCode } from '../peers/ris/index.ts';
import { cda, largeCda, parseReport, setField } from './invented.ts';

const documentOf = (bytes: Uint8Array): string => Buffer.from(parseReport(bytes).document).toString('utf8');
const cdaText = cda.toString('utf8');

describe('DB.SO.03 ORU and MDM: action (decision B1)', () => {
  test.each(['initial', 'replace', 'delete'] as const)('reads %s from ORC-1, OBX-11 and the event', (action) => {
    expect(parseReport(buildOru({ cda, action })).action).toBe(action);
    expect(parseReport(buildMdm({ cda, action })).action).toBe(action);
  });

  test('OBX-11 of the flags says nothing: it is always F (IG)', () => {
    const transmission = parseReport(buildOru({ cda, action: 'delete' }));
    expect(transmission.action).toBe('delete');
  });

  test('several orders that agree are one action', () => {
    const edit = (segments: string[]) => segments.toSpliced(3, 0, 'ORC|NW', `OBR|1|||${reportCode}`);
    expect(parseReport(buildOru({ cda, edit })).action).toBe('initial');
  });
});

describe('document (OBX-5)', () => {
  test('gives the CDA byte for byte, whatever the charset of the message', () => {
    expect(documentOf(buildOru({ cda, charset: '8859/15' }))).toBe(cdaText);
  });

  test.each([
    ['line breaks', { wrapAt: 76 }],
    ['escaped line breaks', { wrapAt: 76, wrapWith: '\\.br\\' }],
    ['hexadecimal line breaks', { wrapAt: 76, wrapWith: '\\X0D\\\\X0A\\' }],
    ['blanks', { wrapAt: 40, wrapWith: ' ' }],
    ['no padding', { padding: false }],
  ])('tolerates base64 with %s', (_, base64) => {
    expect(documentOf(buildOru({ cda, base64 }))).toBe(cdaText);
  });

  test('tolerates an encoded line end after the padding', () => {
    const padded = Buffer.from('<ab/>'); // PGFiLz4=
    expect(documentOf(buildOru({ cda: padded, base64: { junk: 'DQo' } }))).toBe('<ab/>');
    expect(documentOf(buildOru({ cda: padded, base64: { junk: 'DQo=' } }))).toBe('<ab/>');
  });

  test('tolerates an encoded line end without padding, as an official sample has it', () => {
    const whole = Buffer.concat([cda, Buffer.from(' '.repeat((3 - (cda.length % 3)) % 3))]);
    const document = documentOf(buildOru({ cda: whole, base64: { junk: 'DQo' } }));
    expect(document.trim()).toBe(cdaText.trim());
  });

  test('accepts a byte order mark, blanks and UTF-16 before the first <', () => {
    expect(documentOf(buildOru({ cda: Buffer.from('\ufeff\n <a/>') }))).toBe('\ufeff\n <a/>');
    const utf16 = Buffer.from('\ufeff<a/>', 'utf16le');
    expect(parseReport(buildOru({ cda: utf16 })).document).toEqual(new Uint8Array(utf16));
  });

  test('takes the first ED whose OBX-3 is OBR-4, and says when there is another', () => {
    const second = `OBX|2|ED|${reportCode}||^TEXT^XML^Base64^${Buffer.from('<other/>').toString('base64')}||||||F`;
    const transmission = parseReport(buildOru({ cda, edit: (segments) => [...segments, second] }));
    expect(Buffer.from(transmission.document).equals(cda)).toBe(true);
    expect(transmission.warnings).toEqual(['document-other']);
  });

  test('does not take the body of a mail (CORPSMAIL_PS, also ED) for the document', () => {
    const mail = 'OBX|1|ED|CORPSMAIL_PS^Corps du mail pour un PS^MetaDMPMSS||^text^^Base64^Qm9uam91cg==||||||F';
    expect(documentOf(buildOru({ cda, edit: (segments) => segments.toSpliced(5, 0, mail) }))).toBe(cdaText);
  });

  test('accepts the two names of the same coding system (LN, TRE_A05)', () => {
    expect(documentOf(buildOru({ cda, edit: setField('OBR', 4, '18748-4^CR^TRE_A05') }))).toBe(cdaText);
  });

  test('reads a message of 330 kB', () => {
    expect(Buffer.from(parseReport(buildOru({ cda: largeCda })).document).equals(largeCda)).toBe(true);
  });
});

describe('document numbers (TXA)', () => {
  const numbersOf = (documentId: string, parentDocumentId?: string) => {
    const options = { cda, action: 'replace', documentId } as const;
    const { warnings, ...rest } = parseReport(
      buildMdm(parentDocumentId === undefined ? options : { ...options, parentDocumentId }),
    );
    return { documentId: rest.documentId, parentDocumentId: rest.parentDocumentId, warnings };
  };

  test('reads an OID, and extension^^root^ISO', () => {
    expect(numbersOf('1.2.250.1.999999.3.2', '1^^1.2.250.1.999999.3^ISO')).toEqual({
      documentId: '1.2.250.1.999999.3.2',
      parentDocumentId: '1.2.250.1.999999.3^1',
      warnings: [],
    });
  });

  test('ignores EI.2, which official samples fill', () => {
    expect(numbersOf('1.2.250.1.999999.3.2^Organisation', '1.2.250.1.999999.3.1').documentId).toBe(
      '1.2.250.1.999999.3.2',
    );
  });

  test('a replacement without TXA-13 is a warning: the CDA may name its parent (decision B1)', () => {
    expect(numbersOf('1.2.250.1.999999.3.2').warnings).toEqual(['parent-document-missing']);
  });

  test('accepts TXA-17 LA (profile 2.0), warns when it is empty', () => {
    expect(parseReport(buildMdm({ cda, edit: setField('TXA', 17, 'LA') })).warnings).toEqual([]);
    expect(parseReport(buildMdm({ cda, edit: setField('TXA', 17, '') })).warnings).toEqual([
      'completion-status-missing',
    ]);
  });
});

describe('envelope', () => {
  test('accepts ORU 2.5.1, whose segments are those of 2.5', () => {
    expect(parseReport(buildOru({ cda, version: '2.5.1' })).messageType).toBe('ORU');
    expect(parseReport(buildOru({ cda, version: '2.5^FRA^2.10' })).messageType).toBe('ORU');
  });

  test.each(['2.0^CISIS_CDA_HL7_V2', '2.1^CISIS_CDA_HL7_V2', '1^OTHER~2.2^CISIS_CDA_HL7_V2'])(
    'accepts profile %s',
    (profile) => {
      expect(parseReport(buildOru({ cda, profile })).messageType).toBe('ORU');
    },
  );

  test('does not fail on a placeholder in MSH-7, and tells no time then', () => {
    expect(parseReport(buildOru({ cda, sentAt: '{{idMessage}}' }))).not.toHaveProperty('sentAt');
    expect(parseReport(buildOru({ cda, sentAt: '20250114093000.1234+0100' })).sentAt).toBe('20250114093000.1234+0100');
  });

  test('works without PV1 and with segments it does not know', () => {
    const edit = (segments: string[]) => segments.toSpliced(2, 0, 'PD1||', 'ZZZ|1', 'NTE|1||texte');
    const transmission = parseReport(buildOru({ cda, patientClass: null, edit }));
    expect(transmission).not.toHaveProperty('patientClass');
    expect(transmission.warnings).toEqual(['patient-class-missing']);
  });

  test('accepts empty fields at the end of segments, as samples have', () => {
    const edit = (segments: string[]) => segments.map((segment) => `${segment}||`);
    expect(parseReport(buildOru({ cda, edit, profile: '2.1^CISIS_CDA_HL7_V2' })).patientClass).toBe('O');
  });
});

describe('sender of the document (PRT SB, decision A3)', () => {
  const sendingOf = (edit: (segments: string[]) => string[]) => {
    const { sendingPerson, sendingOrganization, warnings } = parseReport(buildOru({ cda, edit }));
    return { person: sendingPerson?.id, organization: sendingOrganization?.id, warnings };
  };
  const isPrt = (segment: string): boolean => segment.startsWith('PRT');

  test('reads person and structure', () => {
    const sender = { personId: '899900000001', organizationId: '999900019' };
    expect(parseReport(buildOru({ cda, sender }))).toMatchObject({
      sendingPerson: { id: '899900000001', familyName: 'MODELE', givenName: 'Paul' },
      sendingOrganization: { id: '999900019', name: 'Centre Exemple', idType: 'FINEG' },
    });
  });

  test('gives a bare RPPS its prefix, so that one person has one identifier', () => {
    expect(parseReport(buildOru({ cda, sender: { personId: '99900000001' } })).sendingPerson?.id).toBe('899900000001');
  });

  test('ignores other participants (RCT) and PRT that follow another OBX', () => {
    const asRecipient = (segments: string[]) =>
      segments.map((segment) => (isPrt(segment) ? segment.replace('SB^Send by', 'RCT^') : segment));
    expect(sendingOf(asRecipient)).toEqual({ person: undefined, organization: undefined, warnings: [] });
    const moved = (segments: string[]) => [...segments.filter((one) => !isPrt(one)), ...segments.filter(isPrt)];
    expect(sendingOf(moved)).toEqual({ person: undefined, organization: undefined, warnings: [] });
  });

  test('takes both from the first PRT: never the person of one with the structure of another', () => {
    const twice = (segments: string[]) =>
      segments.flatMap((segment) =>
        isPrt(segment) ? [setField('PRT', 8, '')([segment])[0] ?? '', segment.replace('899900000001', '2')] : [segment],
      );
    expect(sendingOf(twice)).toEqual({ person: '899900000001', organization: undefined, warnings: ['prt-several'] });
  });

  test('leaves out an identifier under another authority', () => {
    const foreign = (segments: string[]) => segments.map((segment) => segment.replace('1.2.250.1.71.4.2.1&', '1.2.3&'));
    expect(sendingOf(foreign)).toEqual({
      person: undefined,
      organization: '999900019',
      warnings: ['prt-person-authority'],
    });
    const foreignPlace = (segments: string[]) =>
      segments.map((segment) => segment.replace('1.2.250.1.71.4.2.2&', '1.2.3&'));
    expect(sendingOf(foreignPlace)).toEqual({
      person: '899900000001',
      organization: undefined,
      warnings: ['prt-organization-authority'],
    });
  });

  test('trims what samples pad with blanks', () => {
    expect(parseReport(buildOru({ cda, sender: { organizationId: '999900019     ' } })).sendingOrganization?.id).toBe(
      '999900019',
    );
  });
});
