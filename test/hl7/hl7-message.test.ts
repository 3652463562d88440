import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { type Hl7Message, parseHl7Message } from '../../plugin/hl7/index.ts';
import { buildOru, type ReportMessageOptions } from '../peers/ris/index.ts';
import { cda, parseReport, refusalOf, setField } from './invented.ts';

const text = (content: string): Hl7Message => parseHl7Message(Buffer.from(content, 'utf8'));
const msh = (charset = 'UNICODE UTF-8'): string => `MSH|^~\\&|A|B|C|D|2025||ORU^R01|1|T|2.5|||||FRA|${charset}`;
const familyName = (options: Omit<ReportMessageOptions, 'cda'>): string | undefined =>
  parseReport(buildOru({ cda, ...options })).patient.birthFamilyName;

describe('charset (MSH-18)', () => {
  const patient = { birthFamilyName: 'ŒUVRÉ' };

  test('reads UTF-8 and 8859/15 as declared', () => {
    expect(familyName({ charset: 'UNICODE UTF-8', patient })).toBe('ŒUVRÉ');
    expect(familyName({ charset: '8859/15', patient })).toBe('ŒUVRÉ');
  });

  test('reads 8859/1, seen in samples, where ¼ is not Œ', () => {
    expect(familyName({ charset: '8859/1', patient: { birthFamilyName: 'ÉTÉ¼' } })).toBe('ÉTÉ¼');
  });

  test('without MSH-18 reads UTF-8, else 8859/15', () => {
    expect(familyName({ charset: '', encoding: 'utf-8', patient })).toBe('ŒUVRÉ');
    expect(familyName({ charset: '', encoding: 'iso-8859-15', patient })).toBe('ŒUVRÉ');
  });

  test('accepts an UTF-8 byte order mark, also without MSH-18', () => {
    expect(familyName({ byteOrderMark: true, patient })).toBe('ŒUVRÉ');
    expect(familyName({ byteOrderMark: true, charset: '', patient })).toBe('ŒUVRÉ');
  });

  test.each([
    ['bytes are not the UTF-8 declared', { charset: 'UNICODE UTF-8', encoding: 'iso-8859-15' }],
    ['bytes are not the ASCII declared', { charset: 'ASCII', encoding: 'utf-8' }],
    ['unknown charset', { charset: 'UNICODE UTF-16' }],
    ['byte order mark against 8859/15', { charset: '8859/15', byteOrderMark: true }],
  ] as const)('refuses rather than guess a name: %s', (_, form) => {
    expect(refusalOf(() => familyName({ ...form, patient }))).toBe('hl7/charset-invalid MSH^1^18');
  });

  test('takes the first repetition of MSH-18', () => {
    expect(
      text(`${msh('UNICODE UTF-8~8859/15')}\rPID|é`)
        .first('PID')
        ?.value(1),
    ).toBe('é');
  });
});

describe('segments', () => {
  test.each(['\r', '\n', '\r\n'] as const)('ends at %j', (lineEnd) => {
    expect(parseReport(buildOru({ cda, lineEnd })).patient.sex).toBe('F');
  });

  test('skips blank lines before, between and after', () => {
    const message = parseHl7Message(Buffer.from(`\r\n\n${msh()}\r\n\r\nPID|1\n\n\n`));
    expect(message.segments.map((segment) => segment.name)).toEqual(['MSH', 'PID']);
  });

  test('continues a segment with a line that has no segment id: base64 is broken in lines', () => {
    const message = text(`${msh()}\rOBX|1|ED|A||^T^X^Base64^PGE+\rPC9h\nABC\r\nPg==||||||F\rNTE|1`);
    expect(message.segments.map((segment) => segment.name)).toEqual(['MSH', 'OBX', 'NTE']);
    expect(message.first('OBX')?.value(5, 5)).toBe('PGE+\nPC9h\nABC\nPg==');
    expect(message.first('OBX')?.value(11)).toBe('F');
  });

  test('takes a bare segment id for a segment where base64 cannot be', () => {
    expect(text(`${msh()}\rPID|1\rPV1\rORC|NW`).segments.map((segment) => segment.name)).toEqual([
      'MSH',
      'PID',
      'PV1',
      'ORC',
    ]);
  });

  test('counts segments of a name from 1, for ERR-2', () => {
    expect(
      text(`${msh()}\rOBX|7\rNTE|1\rOBX|9`)
        .all('OBX')
        .map((segment) => segment.location(5)),
    ).toEqual(['OBX^1^5', 'OBX^2^5']);
  });

  test('refuses two messages in one frame: the second would be lost', () => {
    expect(refusalOf(() => text(`${msh()}\rPID|1\r${msh()}`))).toBe('hl7/segment-missing MSH^2');
  });
});

describe('limits', () => {
  test('refuses an absurd number of parts: 20 MiB of them would cost gigabytes', () => {
    expect(refusalOf(() => text(`${msh()}${'\rNTE|'.repeat(10_000)}`))).toBe('hl7/message-invalid MSH');
    expect(refusalOf(() => text(`${msh()}\rPID|${'a~'.repeat(10_001)}`))).toBe('hl7/message-invalid MSH');
    expect(refusalOf(() => text(`${msh()}${'\rNTE|'.repeat(9_999)}`))).toBe('accepted');
  });

  test('costs linear time in the number of segments and lines', () => {
    const begin = performance.now();
    const observation = '\rOBX|2|ED|18748-4^C^LN||^T^X^Base64^PGEvPg==||||||F';
    parseReport(buildOru({ cda, edit: (segments) => [...segments, observation.repeat(9_000)] }));
    text(`${msh()}\rOBX|1|ED|A||^T^X^Base64^${'PGE\r\n'.repeat(300_000)}||||||F`);
    // Quadratic search took minutes.
    expect(performance.now() - begin).toBeLessThan(3000);
  });
});

describe('separators and escapes', () => {
  test('reads the five usual escapes and a line break', () => {
    const pid = text(`${msh()}\rPID|a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\.br\\g`).first('PID');
    expect(pid?.value(1)).toBe('a|b^c&d~e\\f\ng');
  });

  test('never reads an escape twice', () => {
    expect(text(`${msh()}\rPID|\\E\\F\\E\\`).first('PID')?.value(1)).toBe('\\F\\');
  });

  test('reads hexadecimal escapes in the charset of the message, also a letter spread over two of them', () => {
    expect(text(`${msh()}\rPID|\\XC389\\t\\XC3\\\\X89\\`).first('PID')?.value(1)).toBe('ÉtÉ');
    expect(
      text(`${msh('8859/15')}\rPID|\\XBC\\`)
        .first('PID')
        ?.value(1),
    ).toBe('Œ');
  });

  test('leaves what it does not know, and drops highlighting', () => {
    expect(text(`${msh()}\rPID|\\XZZ\\ \\Zabc\\ \\H\\b\\N\\ \\XFF\\ \\X123\\`).first('PID')?.value(1)).toBe(
      '\\XZZ\\ \\Zabc\\ b \\XFF\\ \\X123\\',
    );
  });

  test('reads components, subcomponents, repetitions; HL7 null is empty', () => {
    const pid = text(`${msh()}\rPID|a^b&c&d~e|""| x `).first('PID');
    expect([pid?.value(1), pid?.value(1, 2), pid?.value(1, 2, 3), pid?.value(1, 1, 2)]).toEqual(['a', 'b', 'd', '']);
    expect(pid?.repetitions(1).map((repetition) => repetition.value(1))).toEqual(['a', 'e']);
    expect([pid?.value(2), pid?.value(3), pid?.value(9), pid?.value(1, 9)]).toEqual(['', 'x', '', '']);
  });

  test.each([
    ['hl7/field-invalid MSH^1^2', 'MSH|^^\\&|A|B'],
    ['hl7/field-invalid MSH^1^2', 'MSH|^~|A|B|C'],
    ['hl7/field-invalid MSH^1^2', 'MSHA^~\\&|A|B'],
    ['hl7/field-missing MSH^1^1', 'MSH'],
    ['hl7/message-invalid MSH', 'PID|1'],
    ['hl7/message-invalid MSH', ''],
    ['hl7/message-invalid MSH', 'GET / HTTP/1.1'],
  ])('refuses with %s: %j', (expected, content) => {
    expect(refusalOf(() => text(content))).toBe(expected);
  });
});

describe('header', () => {
  test('gives what a message says of itself, raw included', () => {
    const bytes = buildOru({ cda, controlId: 'EX42' });
    const message = parseHl7Message(bytes);
    expect(message).toMatchObject({
      controlId: 'EX42',
      type: 'ORU',
      event: 'R01',
      version: '2.5',
      processingId: 'T',
      sender: { application: 'RIS-EXEMPLE', facility: 'CENTRE-EXEMPLE' },
      receiver: { application: 'DRIMBOX', facility: 'CENTRE-EXEMPLE' },
      charset: 'UNICODE UTF-8',
      characterEncoding: 'utf-8',
    });
    expect(message.raw).toBe(bytes);
  });

  test('takes the first component of an application with an identifier (HD)', () => {
    const edit = setField('MSH', 3, 'RIS^1.2.250.1.999999.9^ISO');
    expect(parseHl7Message(buildOru({ cda, edit })).sender.application).toBe('RIS');
  });
});

describe('properties', () => {
  const isOurs = (run: () => unknown): void => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(DrimboxError);
    }
  };

  test('throws nothing but DrimboxError, whatever the bytes', () => {
    const header = fc.constantFrom('', 'MSH', 'MSH|^~\\&|', `${msh()}\r`);
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: 'binary' }).map((s) => Buffer.from(s)),
    );
    fc.assert(
      fc.property(header, body, (begin, end) => isOurs(() => parseReport(Buffer.concat([Buffer.from(begin), end])))),
      { numRuns: 500 },
    );
  });

  test('throws nothing but DrimboxError when a real message loses or gains bytes anywhere', () => {
    const message = buildOru({ cda });
    const place = fc.nat(message.length);
    fc.assert(
      fc.property(place, place, fc.uint8Array({ maxLength: 6 }), (from, to, inserted) =>
        isOurs(() => parseReport(Buffer.concat([message.subarray(0, from), inserted, message.subarray(to)]))),
      ),
      { numRuns: 500 },
    );
  });
});
