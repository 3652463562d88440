import { describe, expect, it } from 'vitest';
import { canProduce, isLossyTarget, renderedPhotometric, renditionTargets } from '../../plugin/renditions/index.ts';
import { isLosslessSyntax, transferSyntaxes as syntax, transferSyntaxTable } from '../../plugin/standards/index.ts';
import { imageOf } from '../fixtures/renditions/images.ts';

const ct = imageOf({ bitsStored: 12 });
const videos = transferSyntaxTable.filter(({ isVideo }) => isVideo).map(({ uid }) => uid);

describe('what can be made of what, before any pixel is read (DB.SO.46)', () => {
  it('anything is served as stored', () => {
    for (const { uid } of transferSyntaxTable) expect(canProduce(undefined, uid, uid)).toBe(true);
    expect(canProduce(undefined, '1.3.6.1.4.1.99999.1', '1.3.6.1.4.1.99999.1')).toBe(true);
  });

  it('a video is neither decoded nor made', () => {
    expect(videos.length).toBeGreaterThan(8);
    for (const video of videos) {
      for (const to of renditionTargets) expect(canProduce(ct, video, to)).toBe(false);
      expect(canProduce(ct, syntax.explicitVrLittleEndian, video)).toBe(false);
    }
  });

  it('a CT slice is made in every target from every syntax that is read', () => {
    const read = [
      syntax.implicitVrLittleEndian,
      syntax.explicitVrLittleEndian,
      syntax.deflatedExplicitVrLittleEndian,
      syntax.explicitVrBigEndian,
      syntax.rleLossless,
      syntax.jpegLosslessSv1,
      syntax.jpegLsLossless,
      syntax.jpeg2000,
    ];
    for (const from of read)
      for (const to of renditionTargets) expect(canProduce(ct, from, to), `${from} ${to}`).toBe(true);
  });

  it('an object without pixels has another data set encoding at most', () => {
    expect(canProduce(undefined, syntax.implicitVrLittleEndian, syntax.explicitVrLittleEndian)).toBe(true);
    expect(canProduce(undefined, syntax.implicitVrLittleEndian, syntax.jpegLsLossless)).toBe(false);
    expect(canProduce(undefined, syntax.jpegLsLossless, syntax.explicitVrLittleEndian)).toBe(false);
  });

  it.each([
    ['1 bit, a segmentation', { bitsAllocated: 1, bitsStored: 1, highBit: 0 }],
    ['32 bits, a dose', { bitsAllocated: 32, bitsStored: 32, highBit: 31 }],
    ['64 bits, floating', { bitsAllocated: 64, bitsStored: 64, highBit: 63 }],
    ['stored bits that do not begin at the lowest', { highBit: 14 }],
    ['more stored than allocated', { bitsStored: 17, highBit: 16 }],
    ['four samples', { samplesPerPixel: 4, photometricInterpretation: 'CMYK' }],
    ['partial-range video colours', { samplesPerPixel: 3, photometricInterpretation: 'YBR_PARTIAL_420' }],
    ['signed colours', { samplesPerPixel: 3, photometricInterpretation: 'RGB', pixelRepresentation: 1 }],
    ['no rows', { rows: 0 }],
  ])('%s is served natively and never compressed', (_, traits) => {
    const image = { ...ct, ...traits };
    expect(canProduce(image, syntax.implicitVrLittleEndian, syntax.explicitVrLittleEndian)).toBe(true);
    for (const to of renditionTargets.filter((target) => target !== syntax.explicitVrLittleEndian)) {
      expect(canProduce(image, syntax.explicitVrLittleEndian, to)).toBe(false);
    }
  });

  it('a palette bears no loss', () => {
    const palette = imageOf({ bitsAllocated: 8, photometricInterpretation: 'PALETTE COLOR' });
    expect(canProduce(palette, syntax.explicitVrLittleEndian, syntax.jpegLsLossless)).toBe(true);
    for (const to of [syntax.jpegBaseline, syntax.jpegExtended, syntax.jpeg2000, syntax.jpegLsNearLossless]) {
      expect(canProduce(palette, syntax.explicitVrLittleEndian, to)).toBe(false);
    }
  });

  it('JPEG 2000 is not asked for what its codec gets wrong: signed bytes, colour of 16 bits, colour that is not RGB', () => {
    const wrong = [
      imageOf({ bitsAllocated: 8, pixelRepresentation: 1 }),
      imageOf({ bitsAllocated: 16, samplesPerPixel: 3 }),
      imageOf({ bitsAllocated: 8, samplesPerPixel: 3, photometricInterpretation: 'YBR_FULL' }),
    ];
    for (const image of wrong) {
      expect(canProduce(image, syntax.explicitVrLittleEndian, syntax.jpeg2000Lossless)).toBe(false);
      expect(canProduce(image, syntax.explicitVrLittleEndian, syntax.jpegLsLossless)).toBe(true);
    }
    for (const image of wrong.slice(0, 2)) {
      expect(canProduce(image, syntax.jpeg2000Lossless, syntax.explicitVrLittleEndian)).toBe(false);
    }
  });

  it('only the two DCT syntaxes are made with loss (E8)', () => {
    expect(renditionTargets.filter(isLossyTarget)).toEqual([syntax.jpegBaseline, syntax.jpegExtended]);
    expect(renditionTargets.filter(isLosslessSyntax).some(isLossyTarget)).toBe(false);
  });

  it('says the photometric interpretation that the code stream then has (PS3.5 §8.2)', () => {
    const rgb = imageOf({ bitsAllocated: 8, samplesPerPixel: 3 });
    expect(renderedPhotometric(rgb, syntax.explicitVrLittleEndian, syntax.jpeg2000Lossless)).toBe('YBR_RCT');
    expect(renderedPhotometric(rgb, syntax.explicitVrLittleEndian, syntax.jpegLsLossless)).toBe('RGB');
    expect(renderedPhotometric(rgb, syntax.explicitVrLittleEndian, syntax.jpegBaseline)).toBe('YBR_FULL_422');
    const ict = { ...rgb, photometricInterpretation: 'YBR_ICT' };
    expect(renderedPhotometric(ict, syntax.jpeg2000, syntax.explicitVrLittleEndian)).toBe('RGB');
  });
});
