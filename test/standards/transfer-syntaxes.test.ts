import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  findTransferSyntax,
  isLosslessSyntax,
  isLossySyntax,
  isTransferSyntaxUid,
  parseTransferSyntaxUid,
  transferSyntaxes,
  transferSyntaxTable,
} from '../../plugin/standards/index.ts';

/** The dictionary that GDCM reads PS3.6 into (Debian package libgdcm3.0). */
const gdcmDictionary = '/usr/share/gdcm-3.0/XML/Part6.xml';

/** Registered, but never the syntax of a stored file. */
const leftOut = ['1.2.840.10008.1.2.6.1', '1.2.840.10008.1.2.6.2'];

describe('transfer syntaxes', () => {
  test('have each UID once, and every one the code names stands in the table', () => {
    expect(new Set(transferSyntaxTable.map(({ uid }) => uid)).size).toBe(transferSyntaxTable.length);
    for (const uid of Object.values(transferSyntaxes)) expect(findTransferSyntax(uid)?.uid).toBe(uid);
    for (const { uid, name } of transferSyntaxTable)
      expect([parseTransferSyntaxUid(uid), name.trim()]).toEqual([uid, name]);
  });

  test.skipIf(!existsSync(gdcmDictionary))('have the names and retirements of a second source, GDCM’s PS3.6', () => {
    const rows = [
      ...readFileSync(gdcmDictionary, 'utf8').matchAll(
        /<uid value="([0-9.]+)" name="([^"]+)" type="Transfer Syntax" part="[^"]*" retired="(true|false)"/g,
      ),
    ].filter(([, uid = '']) => !leftOut.includes(uid));
    expect(rows.length).toBeGreaterThan(35);
    for (const [, uid = '', name = '', retired] of rows) {
      const row = findTransferSyntax(uid);
      expect(row, uid).toMatchObject({
        name: name.replaceAll('&amp;', '&').replace(/: Default Transfer Syntax.*$/, ''),
        isRetired: retired === 'true',
      });
      // Names tell what they are: a third look at hand-typed traits.
      const saysLossless = /(?<!Near-)Lossless/.test(name);
      if (/JPEG|RLE/.test(name)) expect(row?.pixelLoss === 'never', name).toBe(saysLossless);
      expect(row?.isVideo, name).toBe(/MPEG(2|-4)|HEVC/.test(name));
      expect(row?.isEncapsulated, name).toBe(/^(JPEG|RLE|MPEG|HEVC)/.test(name));
    }
  });

  test('of newer editions have traits that fit their names', () => {
    for (const { name, isVideo, isEncapsulated, pixelLoss, datasetEncoding } of transferSyntaxTable) {
      if (name.startsWith('Fragmentable'))
        expect({ name, isVideo, isEncapsulated, pixelLoss }).toMatchObject({ isVideo: true });
      if (/^(JPEG|High|RLE|MPEG|HEVC|Fragmentable|Encapsulated)/.test(name)) expect(isEncapsulated, name).toBe(true);
      if (/(?<!Near-)Lossless/.test(name)) expect(pixelLoss, name).toBe('never');
      if (/Deflate( |d Explicit|$)/.test(name)) expect(datasetEncoding, name).toBe('deflated');
      if (isVideo)
        expect({ name, pixelLoss, isEncapsulated }).toEqual({ name, pixelLoss: 'always', isEncapsulated: true });
    }
  });

  test('surely keep pixel values only where the syntax says so: what is unknown may be lossy', () => {
    expect(isLosslessSyntax(transferSyntaxes.jpegLsLossless)).toBe(true);
    expect(isLosslessSyntax(transferSyntaxes.explicitVrLittleEndian)).toBe(true);
    expect(isLosslessSyntax(transferSyntaxes.jpeg2000)).toBe(false);
    expect(isLosslessSyntax(transferSyntaxes.jpegBaseline)).toBe(false);
    expect(isLosslessSyntax('1.2.250.1.999999.7')).toBe(false);
  });

  test('surely changed them only where the syntax says so: what allows both, or is unknown, is told by the image', () => {
    expect(isLossySyntax(transferSyntaxes.jpegBaseline)).toBe(true);
    expect(isLossySyntax(transferSyntaxes.jpeg2000)).toBe(false);
    expect(isLossySyntax(transferSyntaxes.jpegLsLossless)).toBe(false);
    expect(isLossySyntax('1.2.250.1.999999.7')).toBe(false);
  });

  test('are UIDs, known or not', () => {
    expect(parseTransferSyntaxUid('1.2.250.1.999999.7')).toBe('1.2.250.1.999999.7');
    for (const text of ['', '*', '1.2.', '1.02', '1.2.840 ', `1.${'2'.repeat(63)}`]) {
      expect(isTransferSyntaxUid(text)).toBe(false);
      expect(() => parseTransferSyntaxUid(text)).toThrow(expect.objectContaining({ code: 'standards/uid-invalid' }));
    }
  });
});
