import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDate,
  labelBirthPlace,
  labelModality,
} from '../../viewer/src/french-format.ts';

const plain = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ');

describe('what a French reader sees', () => {
  it.each([
    ['75112', 'Lieu de naissance (Insee)'],
    ['2A004', 'Lieu de naissance (Insee)'],
    ['99351', 'Lieu de naissance (Insee)'],
    ['Lyon', 'Lieu de naissance'],
    ['69123 Lyon', 'Lieu de naissance'],
  ])('says of the place %s what it is: %s', (place, shown) => {
    expect(labelBirthPlace(place)).toBe(shown);
  });

  it.each([
    ['1985-03-21', '21/03/1985'],
    ['1985-03', '03/1985'],
    ['1985', '1985'],
  ])('writes the date %s as %s, inventing no day', (date, shown) => {
    expect(formatDate(date)).toBe(shown);
  });

  it.each([
    [0, '0 octets'],
    [999, '999 octets'],
    [1_000, '1 ko'],
    [999_499, '999 ko'],
    [999_500, '1 Mo'],
    [4_450_000, '4,5 Mo'],
    [315_000_000, '315 Mo'],
    [12_300_000_000, '12 Go'],
  ])('writes %d bytes as %s', (bytes, shown) => {
    expect(plain(formatBytes(bytes))).toBe(shown);
  });

  it('counts one image and several', () => {
    expect(plain(formatCount(1, 'image', 'images'))).toBe('1 image');
    expect(plain(formatCount(1_200, 'image', 'images'))).toBe('1 200 images');
  });

  it('shows the code of a modality it has no word for', () => {
    expect([labelModality('CT'), labelModality('XYZ')]).toEqual(['Scanner', 'XYZ']);
  });
});
