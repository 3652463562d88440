import { describe, expect, test } from 'vitest';
import { DrimboxError, type ErrorCode, errorTable } from '../../plugin/errors.ts';
import { buildAcknowledgment, guessHeader, parseHl7Message } from '../../plugin/hl7/index.ts';
import { buildMdm, buildOmi, buildOru, readAcknowledgment } from '../peers/ris/index.ts';
import { cda, setField } from './invented.ts';

const stamp = { controlId: 'ACK0001', atUtcMs: Date.UTC(2025, 0, 14, 9, 30, 5) };
const accepted = { kind: 'accepted' } as const;
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const refuse = (code: ErrorCode, location?: string) =>
  ({
    kind: 'refused',
    error: new DrimboxError(code, {
      detail: 'EXEMPLE ANNA',
      ...(location === undefined ? {} : { context: { location } }),
    }),
  }) as const;
const answer = (request: Uint8Array, outcome: Parameters<typeof buildAcknowledgment>[1] = accepted) =>
  readAcknowledgment(buildAcknowledgment(parseHl7Message(request), outcome, stamp));

describe('accepted', () => {
  test('is MSH and MSA as the profile writes them (IG profils-messages)', () => {
    const bytes = buildAcknowledgment(parseHl7Message(buildOru({ cda, charset: '8859/15' })), accepted, stamp);
    expect(textOf(bytes)).toBe(
      'MSH|^~\\&|DRIMBOX|CENTRE-EXEMPLE|RIS-EXEMPLE|CENTRE-EXEMPLE|20250114093005+0000||ACK^R01^ACK|ACK0001|T|2.5|||||FRA|8859/15\r' +
        'MSA|AA|EX0001\r',
    );
  });

  test.each([
    ['ACK^T02^ACK', '2.6', buildMdm({ cda })],
    ['ACK^T10^ACK', '2.6', buildMdm({ cda, action: 'replace' })],
    ['ACK^T04^ACK', '2.6', buildMdm({ cda, action: 'delete' })],
    ['ACK^O23^ACK', '2.5.1', buildOmi({ studyInstanceUids: ['1.2.3'] })],
  ])('answers %s in version %s', (type, version, request) => {
    const acknowledgment = answer(request);
    expect([acknowledgment.messageType, acknowledgment.header(12)]).toEqual([type, version]);
    expect(acknowledgment.errors).toEqual([]);
  });

  test('copies MSH-11 and leaves MSH-18 out where the request had none', () => {
    const acknowledgment = answer(buildOru({ cda, charset: '', processingId: 'D' }));
    expect([acknowledgment.header(11), acknowledgment.header(17), acknowledgment.header(18)]).toEqual(['D', 'FRA', '']);
  });

  test.each(['UNICODE UTF-8', '8859/15', '8859/1'])('is in the charset of the request, %s', (charset) => {
    const request = buildOru({ cda, charset, sendingFacility: 'HÔPITAL' });
    const facility = answer(request).header(6);
    const bytes = charset === 'UNICODE UTF-8' ? Buffer.from('HÔPITAL') : Buffer.from('HÔPITAL', 'latin1');
    expect(Buffer.from(facility, 'latin1').equals(bytes)).toBe(true);
  });

  test('uses the separators of the request, so that what is copied keeps its meaning', () => {
    const request = Buffer.from('MSH#*!\\@#A*1.2*ISO#B#C#D#2025##ORU*R01#42#T#2.5');
    expect(textOf(buildAcknowledgment(parseHl7Message(request), accepted, stamp))).toBe(
      'MSH#*!\\@#C#D#A*1.2*ISO#B#20250114093005+0000##ACK*R01*ACK#ACK0001#T#2.5#####FRA#\rMSA#AA#42\r',
    );
  });
});

describe('refused', () => {
  const rows = Object.entries(errorTable) as [ErrorCode, (typeof errorTable)[ErrorCode]][];

  test.each(rows)('%s: MSA-1, ERR-3 and ERR-5 are those of the error table, ERR-4 is E', (code, row) => {
    const acknowledgment = answer(buildOru({ cda }), refuse(code, 'OBX^1^5'));
    expect(acknowledgment.code).toBe(row.ack.code);
    expect(acknowledgment.controlId).toBe('EX0001');
    expect(acknowledgment.errors).toHaveLength(1);
    expect(acknowledgment.errors[0]).toMatchObject({
      location: 'OBX^1^5',
      condition: String(row.ack.condition),
      severity: 'E',
      applicationCode: 'applicationCode' in row.ack ? String(row.ack.applicationCode) : '',
    });
    expect(acknowledgment.errors[0]?.conditionText).not.toBe('');
  });

  test('writes ERR as the example of the profile', () => {
    expect(answer(buildOru({ cda }), refuse('hl7/version-unsupported', 'MSH^1^12')).text).toContain(
      '\rMSA|AE|EX0001\rERR||MSH^1^12|203^Unsupported version^messageErrorCondition|E\r',
    );
  });

  test('adds ERR-5 where the application has more to say', () => {
    expect(answer(buildOru({ cda }), refuse('hl7/action-incoherent', 'ORC^1^1')).text).toContain(
      'ERR||ORC^1^1|207^Application error^messageErrorCondition|E|906^Autre erreur^applicationErrorCondition\r',
    );
  });

  test('says AR when the message may come again (store down), AE when it must be corrected', () => {
    expect(answer(buildOru({ cda }), refuse('store/unavailable')).code).toBe('AR');
    expect(answer(buildOru({ cda }), refuse('general/internal')).code).toBe('AE');
  });

  test('never repeats an identity: neither the detail nor a location that is none', () => {
    const text = answer(buildOru({ cda }), refuse('hl7/field-invalid', 'PID^1^EXEMPLE')).text;
    expect(text).not.toMatch(/ERR.*EXEMPLE|ANNA/);
    expect(text).toContain('ERR|||102^');
  });
});

describe('a message that cannot be read is answered all the same', () => {
  const guess = (frame: Uint8Array) =>
    readAcknowledgment(buildAcknowledgment(guessHeader(frame), refuse('hl7/message-invalid', 'MSH'), stamp));

  test.each([
    ['nothing at all', Buffer.alloc(0)],
    ['noise', Buffer.from([0, 255, 1, 254])],
    ['separators that are none', Buffer.from('MSHAAAAAAAAA')],
  ])('%s: MSA-2 is empty', (_, frame) => {
    const acknowledgment = guess(frame);
    expect([acknowledgment.code, acknowledgment.controlId, acknowledgment.messageType]).toEqual(['AE', '', 'ACK']);
    expect([acknowledgment.header(11), acknowledgment.header(12)]).toEqual(['P', '2.5']);
  });

  test('an unknown charset: the header is copied byte for byte', () => {
    const frame = buildOru({ cda, charset: 'GB 18030-2000', encoding: 'utf-8', sendingApplication: 'RÏS' });
    const acknowledgment = guess(frame);
    expect(acknowledgment.controlId).toBe('EX0001');
    expect(Buffer.from(acknowledgment.header(5), 'latin1').toString('utf8')).toBe('RÏS');
  });

  test('a header cut anywhere', () => {
    const frame = buildOru({ cda });
    for (let cut = 0; cut < 140; cut += 1) expect(guess(frame.subarray(0, cut)).code).toBe('AE');
  });

  test('control characters and excessive lengths are not sent back', () => {
    const edit = setField('MSH', 10, `a\x0b\x1c\x00b${'x'.repeat(5000)}`);
    const acknowledgment = guess(buildOru({ cda, edit }));
    expect(acknowledgment.controlId.startsWith('abxxx')).toBe(true);
    expect(acknowledgment.controlId.length).toBe(250);
  });
});
