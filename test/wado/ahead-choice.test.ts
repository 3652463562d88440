/** Which renditions are worth having before anybody asks. */
import { describe, expect, it } from 'vitest';
import { parseTransferSyntaxUid, transferSyntaxes as syntax } from '../../plugin/standards/index.ts';
import { chooseAhead, rankAlone } from '../../plugin/wado/ahead-choice.ts';
import type { NegotiablePart } from '../../plugin/wado/syntax-choice.ts';

const part = (storedSyntax: string, producible: readonly string[]): NegotiablePart => ({
  storedSyntax: parseTransferSyntaxUid(storedSyntax),
  isLossyStored: false,
  canProduce: (uid) => producible.includes(uid),
});
const all = [syntax.jpegLosslessSv1, syntax.jpegLsLossless, syntax.explicitVrLittleEndian, syntax.jpegBaseline];

const table: readonly {
  readonly why: string;
  readonly stored: string;
  readonly producible: readonly string[];
  readonly configured: readonly string[];
  readonly made: readonly string[];
}[] = [
  {
    why: 'none configured: none made',
    stored: syntax.explicitVrLittleEndian,
    producible: all,
    configured: [],
    made: [],
  },
  {
    why: 'a native image in what is configured',
    stored: syntax.explicitVrLittleEndian,
    producible: all,
    configured: [syntax.jpegLosslessSv1],
    made: [syntax.jpegLosslessSv1],
  },
  {
    why: 'each of several, in their order: one requester names the one, another the other',
    stored: syntax.explicitVrLittleEndian,
    producible: all,
    configured: [syntax.jpegLsLossless, syntax.jpegLosslessSv1],
    made: [syntax.jpegLsLossless, syntax.jpegLosslessSv1],
  },
  {
    why: 'not what it is stored in: that leaves as stored',
    stored: syntax.jpegLsLossless,
    producible: all,
    configured: [syntax.jpegLsLossless, syntax.jpegLosslessSv1],
    made: [syntax.jpegLosslessSv1],
  },
  {
    why: 'not what cannot be made of it',
    stored: syntax.explicitVrLittleEndian,
    producible: [syntax.jpegLosslessSv1],
    configured: [syntax.jpegLsLossless, syntax.jpegLosslessSv1],
    made: [syntax.jpegLosslessSv1],
  },
  {
    why: 'Implicit Little Endian never travels: an object without pixels, too, is made Explicit',
    stored: syntax.implicitVrLittleEndian,
    producible: [syntax.explicitVrLittleEndian],
    configured: [syntax.explicitVrLittleEndian, syntax.jpegLosslessSv1],
    made: [syntax.explicitVrLittleEndian],
  },
  {
    why: 'a lossy one where the administrator names it: it leaves for who ranks it highest only (E8)',
    stored: syntax.explicitVrLittleEndian,
    producible: all,
    configured: [syntax.jpegBaseline],
    made: [syntax.jpegBaseline],
  },
  {
    why: 'nothing of a video: it is passed through',
    stored: '1.2.840.10008.1.2.4.102',
    producible: all,
    configured: all,
    made: [],
  },
];

describe('renditions made ahead', () => {
  it.each(table)('$why', ({ stored, producible, configured, made }) => {
    const rankings = configured.map((uid) => rankAlone(parseTransferSyntaxUid(uid)));
    expect(chooseAhead(rankings, part(stored, producible))).toEqual(made);
  });
});
