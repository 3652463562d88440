import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMllpDecoder, encodeMllp, type MllpEvent } from '../../plugin/hl7/index.ts';
import { buildOru } from '../peers/ris/index.ts';
import { cda, largeCda } from './invented.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const decoderOf = (maxFrameBytes = 1024 * 1024) => createMllpDecoder({ maxFrameBytes });
const framesOf = (events: readonly MllpEvent[]): string[] =>
  events.map((event) =>
    event.kind === 'frame' ? Buffer.from(event.frame).toString('latin1') : `fault ${event.error.code}`,
  );
const pushAll = (chunks: readonly Uint8Array[], maxFrameBytes?: number): string[] => {
  const decoder = decoderOf(maxFrameBytes);
  return framesOf(chunks.flatMap((chunk) => [...decoder.push(chunk)]));
};

describe('frames', () => {
  test('decodes what was encoded', () => {
    const message = buildOru({ cda });
    const [event] = decoderOf().push(encodeMllp(message));
    expect(event?.kind === 'frame' && Buffer.from(event.frame).equals(Buffer.from(message))).toBe(true);
  });

  test('finds a realistic message wherever TCP cut it, and once only', () => {
    const message = buildOru({ cda });
    const framed = encodeMllp(message);
    const expected = [Buffer.from(message).toString('latin1')];
    for (let cut = 0; cut <= framed.length; cut += 1) {
      expect(pushAll([framed.subarray(0, cut), framed.subarray(cut)])).toEqual(expected);
    }
  });

  test('finds it when every byte comes alone', () => {
    const framed = encodeMllp(buildOru({ cda }));
    expect(pushAll([...framed].map((byte) => Buffer.of(byte)))).toHaveLength(1);
  });

  test('finds several messages in one chunk, in order', () => {
    expect(pushAll([bytes('\x0bMSH|1\x1c\r\x0bMSH|2\x1c\r\r\n\x0bMSH|3\x1c\r')])).toEqual(['MSH|1', 'MSH|2', 'MSH|3']);
  });

  test('keeps an end block that nothing ends: it was content', () => {
    expect(pushAll([bytes('\x0bMSH|a\x1cb\x1c\x1c\r')])).toEqual(['MSH|a\x1cb\x1c']);
  });

  test('ends a frame at an end block followed by LF or by the next start block', () => {
    expect(pushAll([bytes('\x0bMSH|1\x1c\n\x0bMSH|2\x1c\x0bMSH|3\x1c\r')])).toEqual(['MSH|1', 'MSH|2', 'MSH|3']);
  });

  test('gives an empty frame too: it must be answered', () => {
    expect(pushAll([bytes('\x0b\x1c\r')])).toEqual(['']);
  });

  test('drops what was given up when the sender begins again, so that two patients never mix', () => {
    const decoder = decoderOf();
    expect(framesOf(decoder.push(bytes('\x0bMSH|half of one\rPID|')))).toEqual([]);
    expect(framesOf(decoder.push(bytes('\x0bMSH|two\x1c\r')))).toEqual(['MSH|two']);
    expect(decoder.restartedFrames()).toBe(1);
  });

  test('keeps a vertical tab before anything but MSH: word processors write it for a line break', () => {
    expect(pushAll([bytes('\x0bMSH|a\x0bb\x1c\r')])).toEqual(['MSH|a\x0bb']);
  });

  test('a frame stays as it was when the next one comes in', () => {
    const decoder = decoderOf();
    const [first] = decoder.push(bytes('\x0bMSH|first\x1c\r'));
    decoder.push(bytes('\x0bMSH|other\x1c\r'));
    expect(framesOf(first === undefined ? [] : [first])).toEqual(['MSH|first']);
  });
});

describe('bytes outside frames', () => {
  test('counts blanks and goes on', () => {
    const decoder = decoderOf();
    expect(framesOf(decoder.push(bytes('\r\n \t\x0bMSH|1\x1c\r\n\n')))).toEqual(['MSH|1']);
    expect(decoder.ignoredBytes()).toBe(6);
  });

  test('answers garbage with a fault, after the frames before it, and says nothing more', () => {
    const decoder = decoderOf();
    expect(framesOf(decoder.push(bytes('\x0bMSH|1\x1c\rGET / HTTP/1.1\r\n')))).toEqual([
      'MSH|1',
      'fault hl7/frame-invalid',
    ]);
    expect(decoder.push(bytes('\x0bMSH|2\x1c\r'))).toEqual([]);
  });

  test('tells how much of an unfinished frame there is', () => {
    const decoder = decoderOf();
    decoder.push(bytes('\x0bMSH|'));
    expect(decoder.pendingBytes()).toBe(5);
    decoder.push(bytes('\x1c\r'));
    expect(decoder.pendingBytes()).toBe(0);
  });
});

describe('size', () => {
  test('takes a frame of exactly the limit and refuses one byte more', () => {
    expect(pushAll([encodeMllp(Buffer.alloc(2048, 'a'))], 2048)[0]).toHaveLength(2048);
    expect(pushAll([encodeMllp(Buffer.alloc(2049, 'a'))], 2048)).toEqual(['fault hl7/frame-too-large']);
  });

  test('refuses an endless frame as soon as the limit is passed, and gives its head for the acknowledgment', () => {
    const decoder = decoderOf(2048);
    decoder.push(bytes('\x0bMSH|head|'));
    const events: MllpEvent[] = [];
    for (let sent = 0; events.length === 0 && sent < 100; sent += 1)
      events.push(...decoder.push(Buffer.alloc(100, 'x')));
    const [event] = events;
    expect(event?.kind === 'fault' && Buffer.from(event.head).toString('latin1').startsWith('MSH|head|xxx')).toBe(true);
    expect(event?.kind === 'fault' && event.head.length).toBeLessThanOrEqual(4096);
    expect(decoder.pendingBytes()).toBe(0);
  });

  test('costs linear time: 330 kB in chunks of 7 bytes is a matter of milliseconds', () => {
    const framed = encodeMllp(buildOru({ cda: largeCda }));
    const decoder = decoderOf();
    const events: MllpEvent[] = [];
    const begin = performance.now();
    for (let at = 0; at < framed.length; at += 7) events.push(...decoder.push(framed.subarray(at, at + 7)));
    // Copying all that came before at each chunk would move 7 GB, some seconds.
    expect(performance.now() - begin).toBeLessThan(1000);
    expect(events).toHaveLength(1);
  });
});

describe('properties', () => {
  const message = fc
    .uint8Array({ maxLength: 60 })
    .map((content) => content.map((byte) => (byte === 0x0b || byte === 0x1c ? 0x20 : byte)));
  const gap = fc.constantFrom('', '\r', '\n', '\r\n', ' \r\n\r\n');
  const stream = fc.array(fc.record({ message, gap }), { maxLength: 8 });
  const cuts = fc.array(fc.nat(600), { maxLength: 20 });

  const chop = (whole: Buffer, at: readonly number[]): Buffer[] => {
    const places = [...at.filter((place) => place < whole.length), 0, whole.length].toSorted((a, b) => a - b);
    return places.slice(1).map((place, index) => whole.subarray(places[index], place));
  };

  test('never loses, doubles or changes a message, however the stream is cut', () => {
    fc.assert(
      fc.property(stream, cuts, (parts, places) => {
        const whole = Buffer.concat(parts.flatMap((part) => [encodeMllp(part.message), bytes(part.gap)]));
        expect(pushAll(chop(whole, places))).toEqual(parts.map((part) => Buffer.from(part.message).toString('latin1')));
      }),
      { numRuns: 300 },
    );
  });

  test('gives the same for any bytes, however they are cut, and never throws', () => {
    const framingBytes = fc.constantFrom(0x0b, 0x1c, 0x0d, 0x0a, 0x4d, 0x53, 0x48);
    const noise = fc
      .array(fc.oneof(framingBytes, fc.nat(255)), { maxLength: 120 })
      .map((values) => Buffer.from(values));
    fc.assert(
      fc.property(noise, cuts, (whole, places) => {
        expect(pushAll(chop(whole, places), 32)).toEqual(pushAll([whole], 32));
      }),
      { numRuns: 300 },
    );
  });
});
