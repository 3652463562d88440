/**
 * Whatever the Accept header and whatever is stored: what is sent is acceptable to it, or the status says why.
 *
 * The oracle works on the ranges before they are written as text, cell by cell of the table "how precisely the media type is
 * named × how precisely the transfer syntax is named", and knows nothing of the code under test.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTransferSyntaxUid } from '../../plugin/standards/index.ts';
import { chooseForAnswer, type NegotiablePart, parseAccept, type RetrieveLevel } from '../../plugin/wado/index.ts';

const root = '1.2.840.10008.1.2';
const explicit = `${root}.1`;
const never = [root, `${root}.2`];
const videos = [`${root}.4.102`, `${root}.4.108`];
const lossless = [explicit, `${root}.4.70`, `${root}.4.80`, `${root}.4.90`];
const lossy = [`${root}.4.50`, `${root}.4.91`];
const others = [`${root}.5`, `${root}.1.99`, '1.2.250.1.999999.7'];
const pool = [...lossless, ...lossy, ...others, ...never, ...videos];

/** The media types of the table, most precise first, for each form. */
const precision = {
  multipart: ['multipart/related;type="application/dicom"', 'multipart/related', 'multipart/*', '*/*'],
  single: ['application/dicom', 'application/*', '*/*'],
} as const;

interface Range {
  readonly media: string;
  /** undefined: none given */
  readonly syntax: string | undefined;
  readonly weight: number;
}

type Form = keyof typeof precision;

const oracleWeight = (ranges: readonly Range[], form: Form, uid: string, isDefault: boolean): number => {
  const spoken = ranges.filter(({ media }) => (precision[form] as readonly string[]).includes(media));
  if (spoken.some((range) => range.syntax === uid && range.weight === 0)) return 0;
  for (const media of precision[form]) {
    for (const wording of [uid, ...(isDefault || uid === explicit ? [undefined] : []), '*']) {
      const weights = spoken
        .filter((range) => range.media === media && range.syntax === wording)
        .map(({ weight }) => weight);
      if (weights.length > 0) return weights.includes(0) ? 0 : Math.max(...weights);
    }
  }
  return 0;
};

interface Stored {
  readonly uid: string;
  readonly isLossyStored: boolean;
  readonly isTooLong: boolean;
  readonly produces: readonly string[];
}

interface Way {
  readonly uid: string;
  readonly weight: number;
  readonly isLossyMade: boolean;
}

/** Every way in which the part may leave, by the oracle. */
const waysOf = (ranges: readonly Range[], form: Form, stored: Stored): Way[] => {
  const isVideo = videos.includes(stored.uid);
  const named = ranges
    .filter(({ media }) => (precision[form] as readonly string[]).includes(media))
    .flatMap(({ syntax }) => (syntax === undefined ? [explicit] : [syntax]));
  const made = pool.filter(
    (uid) =>
      !isVideo &&
      uid !== stored.uid &&
      stored.produces.includes(uid) &&
      ![...never, ...videos, '1.2.250.1.999999.7'].includes(uid) &&
      (lossless.includes(uid) || named.includes(uid)),
  );
  const asStored: Way[] = never.includes(stored.uid)
    ? []
    : [
        {
          uid: stored.uid,
          weight: oracleWeight(ranges, form, stored.uid, stored.isLossyStored || stored.isTooLong),
          isLossyMade: false,
        },
      ];
  const ways = made.map((uid): Way => {
    return { uid, weight: oracleWeight(ranges, form, uid, false), isLossyMade: lossy.includes(uid) };
  });
  return [...asStored, ...ways].filter(({ weight }) => weight > 0);
};

const ranksLossyFirst = (ranges: readonly Range[], form: Form, weight: number): boolean =>
  lossless.every((uid) => oracleWeight(ranges, form, uid, false) < weight);

const rangeArbitrary = fc.record<Range>({
  media: fc.oneof(
    { weight: 4, arbitrary: fc.constant(precision.multipart[0] as string) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        ...precision.multipart,
        ...precision.single,
        'image/jpeg',
        'multipart/related;type="a/b"',
      ),
    },
  ),
  syntax: fc.oneof(fc.constantFrom(...pool), fc.constantFrom('*', undefined, 'nonsense')),
  weight: fc.oneof(fc.constantFrom(0, 500, 900, 1000), fc.integer({ min: 0, max: 1000 })),
});

const storedArbitrary = fc.record<Stored>({
  uid: fc.constantFrom(...pool),
  isLossyStored: fc.boolean(),
  isTooLong: fc.boolean(),
  produces: fc.oneof(fc.subarray(pool), fc.constant(pool), fc.constant([...lossless, ...lossy])),
});

const write = ({ media, syntax, weight }: Range): string => {
  const q = weight === 1000 ? '' : `;q=${(weight / 1000).toFixed(3)}`;
  const parameter = syntax === undefined ? '' : `; transfer-syntax=${syntax}`;
  return `${media}${parameter};boundary=**${q}`;
};

const partOf = (stored: Stored): NegotiablePart & { readonly stored: Stored } => ({
  stored,
  storedSyntax: parseTransferSyntaxUid(stored.uid),
  isLossyStored: stored.isLossyStored,
  isTooLongForExplicit: stored.isTooLong,
  canProduce: (uid) => stored.produces.includes(uid),
});

const checkSent = (ranges: readonly Range[], form: Form, stored: Stored, sent: string, kind: string): void => {
  const ways = waysOf(ranges, form, stored);
  const way = ways.find(({ uid }) => uid === sent);
  expect(way, 'acceptable').toBeDefined();
  if (way === undefined) return;
  expect(kind).toBe(sent === stored.uid ? 'as-stored' : 'produce');
  expect(
    ranges.some((range) => range.syntax === sent && range.weight === 0 && range.media === precision[form][0]),
  ).toBe(false);
  const allowed = ways.filter(({ isLossyMade, weight }) => !isLossyMade || ranksLossyFirst(ranges, form, weight));
  // E8: a lossy rendition for who ranks it first, else only where there is no other way.
  if (way.isLossyMade && !ranksLossyFirst(ranges, form, way.weight)) {
    expect(allowed).toEqual([]);
    return;
  }
  const best = Math.max(...allowed.map(({ weight }) => weight));
  expect(way.weight, 'the best weight that can be reached').toBe(best);
  const isStoredAsGood = allowed.some(({ uid, weight }) => uid === stored.uid && weight === best);
  if (isStoredAsGood) expect(sent).toBe(stored.uid);
};

test('what is sent is acceptable to the Accept header, has its best weight, and is never excluded; or the status says why', () => {
  const seen = { complete: 0, partial: 0, unacceptable: 0, single: 0, produced: 0, lossyMade: 0 };
  fc.assert(
    fc.property(
      fc.array(rangeArbitrary, { maxLength: 6 }),
      fc.array(storedArbitrary, { minLength: 1, maxLength: 4 }),
      fc.constantFrom<RetrieveLevel>('study', 'series', 'instance'),
      fc.boolean(),
      (ranges, storeds, level, isOneField) => {
        const fields = isOneField ? [ranges.map(write).join(', ')] : ranges.map(write);
        const parts = (level === 'instance' ? storeds.slice(0, 1) : storeds).map(partOf);
        const plan = chooseForAnswer(parseAccept(fields), level, parts);
        seen[plan.kind] += 1;
        if (plan.kind === 'unacceptable') {
          const forms: Form[] = level === 'instance' ? ['multipart', 'single'] : ['multipart'];
          for (const form of forms) for (const { stored } of parts) expect(waysOf(ranges, form, stored)).toEqual([]);
          return;
        }
        if (plan.form === 'single') seen.single += 1;
        expect(plan.form === 'single' ? level : 'instance').toBe('instance');
        for (const { part, choice } of plan.chosen) {
          checkSent(ranges, plan.form, part.stored, choice.transferSyntax, choice.kind);
          if (choice.kind === 'produce') seen.produced += 1;
          if (choice.kind === 'produce' && lossy.includes(choice.transferSyntax)) seen.lossyMade += 1;
        }
        const left = plan.kind === 'partial' ? plan.left : [];
        expect(plan.chosen.length + left.length).toBe(parts.length);
        for (const { stored } of left) expect(waysOf(ranges, plan.form, stored)).toEqual([]);
      },
    ),
    { numRuns: 6000 },
  );
  // The property is about something: each kind of answer was met often.
  for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(50);
});
