/** Whatever a RIS sends is answered, and what is promised is kept: properties over spoilt messages that look real. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { type Bench, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { buildOmi } from '../peers/ris/index.ts';

let opened: TestStore;
let bench: Bench;
const signing = makeSigningIdentity();
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  bench = createBench(opened.store, signing);
});

const small = { cda: { pdfBytes: 30 } };
const originals: readonly Uint8Array[] = [
  buildExamination({ ...small, number: 1 }).message,
  buildExamination({ ...small, number: 2, form: 'MDM' }).message,
  buildExamination({
    number: 3,
    form: 'MDM',
    cda: { pdfBytes: 30, replaces: [{ root: '1.2.250.1.999999.20.2' }] },
    message: { action: 'replace', parentDocumentId: '1.2.250.1.999999.20.2', charset: '8859/15' },
  }).message,
  buildExamination({ ...small, number: 1, message: { action: 'delete', controlId: 'D1' } }).message,
  buildOmi({ studyInstanceUids: ['1.2.250.1.999999.2.1', '1.2.250.1.999999.2.2'] }),
];

type Spoil = (message: Uint8Array) => Uint8Array;
const text = (message: Uint8Array): string => Buffer.from(message).toString('latin1');
const bytes = (message: string): Uint8Array => new Uint8Array(Buffer.from(message, 'latin1'));
const onSegments =
  (change: (segments: string[]) => string[]): Spoil =>
  (message) =>
    bytes(change(text(message).split('\r')).join('\r'));
const at = (length: number, share: number): number => Math.min(length - 1, Math.floor(share * length));

/** A place, as a share of the length: most of a message is its document, so half of the places are in its first bytes. */
const place = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.1, noNaN: true }));
/** Bytes that mean something to HL7, MLLP, XML, base64 or UTF-8, and any other. */
const strangeByte = fc.oneof(
  fc.constantFrom(0x00, 0x0a, 0x0b, 0x0d, 0x1c, 0x22, 0x26, 0x3c, 0x5c, 0x5e, 0x7c, 0x7e, 0xc3, 0xff),
  fc.integer({ min: 0, max: 255 }),
);

const flips: fc.Arbitrary<Spoil> = fc
  .array(fc.record({ place, byte: strangeByte }), { minLength: 1, maxLength: 4 })
  .map((changes) => (message) => {
    const spoilt = Uint8Array.from(message);
    for (const { place: share, byte } of changes) spoilt[at(spoilt.length, share)] = byte;
    return spoilt;
  });
const truncation: fc.Arbitrary<Spoil> = place.map(
  (share) => (message) => message.subarray(0, at(message.length, share)),
);
const insertion: fc.Arbitrary<Spoil> = fc
  .record({ place, inserted: fc.array(strangeByte, { minLength: 1, maxLength: 6 }) })
  .map(({ place: share, inserted }) => (message) => {
    const cut = at(message.length, share);
    return Uint8Array.from([...message.subarray(0, cut), ...inserted, ...message.subarray(cut)]);
  });
const segmentSwap: fc.Arbitrary<Spoil> = fc.tuple(place, place).map(([one, other]) =>
  onSegments((segments) => {
    const [a, b] = [at(segments.length, one), at(segments.length, other)];
    return segments.map((segment, index) => (index === a ? segments[b] : index === b ? segments[a] : segment) ?? '');
  }),
);
const segmentLoss: fc.Arbitrary<Spoil> = place.map((share) =>
  onSegments((segments) => segments.toSpliced(at(segments.length, share), 1)),
);
const segmentTwice: fc.Arbitrary<Spoil> = place.map((share) =>
  onSegments((segments) =>
    segments.flatMap((one, index) => (index === at(segments.length, share) ? [one, one] : [one])),
  ),
);
const fieldLoss: fc.Arbitrary<Spoil> = fc
  .tuple(place, place, fc.constantFrom('', '""', '^^^', '~', '\\X00\\', 'x'.repeat(300)))
  .map(([segmentShare, fieldShare, value]) =>
    onSegments((segments) =>
      segments.map((segment, index) => {
        if (index !== at(segments.length, segmentShare)) return segment;
        const fields = segment.split('|');
        return fields.toSpliced(at(fields.length, fieldShare), 1, value).join('|');
      }),
    ),
  );
const unspoilt: fc.Arbitrary<Spoil> = fc.constant((message) => message);

const spoiltMessage = fc
  .tuple(
    fc.constantFrom(...originals),
    fc.array(fc.oneof(flips, truncation, insertion, segmentSwap, segmentLoss, segmentTwice, fieldLoss, unspoilt), {
      minLength: 1,
      maxLength: 2,
    }),
    fc.boolean(),
  )
  .map(([original, spoils, isSentTwice]) => ({
    message: spoils.reduce<Uint8Array>((message, spoil) => spoil(message), original),
    isSentTwice,
  }));

interface Row {
  readonly outcome: string;
  readonly content_sha256: string;
  readonly error_code: string | null;
}
const digest = (message: Uint8Array): string => createHash('sha256').update(message).digest('hex');

test('any message: one acknowledgment that a RIS can read; accepted is kept once, refused each time; no fault of ours', async () => {
  const accepted = new Set<string>();
  let refusals = 0;
  const send = async (message: Uint8Array): Promise<void> => {
    const answer = await bench.take(message);
    expect(['AA', 'AE']).toContain(answer.code);
    expect(answer.header(9).split(answer.header(2).charAt(0))[0]).toBe('ACK');
    expect(answer.errors).toHaveLength(answer.code === 'AA' ? 0 : 1);
    // It must not break its own frame.
    expect(answer.text).not.toMatch(/[\u000b\u001c]/);
    if (answer.code === 'AA') accepted.add(digest(message));
    else refusals += 1;
  };
  await fc.assert(
    fc.asyncProperty(spoiltMessage, async ({ message, isSentTwice }) => {
      await send(message);
      if (isSentTwice) await send(message);
      const rows: readonly Row[] = await opened.store.knex('message').select('outcome', 'content_sha256', 'error_code');
      const kept = rows.filter(({ outcome }) => outcome === 'accepted').map(({ content_sha256: sha256 }) => sha256);
      expect(kept.toSorted()).toEqual([...accepted].toSorted());
      expect(rows.length - kept.length).toBe(refusals);
      expect(rows.map(({ content_sha256: sha256 }) => sha256)).toContain(digest(message));
      expect(rows.map((row) => row.error_code)).not.toContain('general/internal');
      expect(bench.logged).toEqual([]);
    }),
    { numRuns: 300 },
  );
  // Neither everything nor nothing was refused: the property is about both.
  expect(accepted.size).toBeGreaterThan(2);
  expect(refusals).toBeGreaterThan(100);
}, 60_000);

test('any bytes at all: an acknowledgment, and the bytes are kept', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
      expect((await bench.take(noise)).code).toBe('AE');
      const [row] = await opened.store.knex('message').orderBy('id', 'desc').limit(1);
      expect(row.outcome).toBe('refused');
      expect(text(row.raw)).toBe(text(noise));
    }),
    { numRuns: 50 },
  );
}, 60_000);
