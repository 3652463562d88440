/** The DICOM JSON model against what dcm2json of dcmtk writes of the same file. Invented images. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { buildMetadata, type JsonDataset } from '../../plugin/wado/metadata.ts';
import { buildExamination } from '../fixtures/examination.ts';

const folder = mkdtempSync(join(tmpdir(), 'drimbox-metadata-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The other reader: without file meta information, pixel data and empty trailing values. */
const readByDcmtk = (bytes: Uint8Array): JsonDataset => {
  const file = join(folder, 'image.dcm');
  writeFileSync(file, bytes);
  const text = execFileSync('dcm2json', ['+fc', file], { encoding: 'utf8' });
  const { '7FE00010': _pixels, ...rest } = JSON.parse(text) as Record<string, JsonDataset[string]>;
  return rest;
};

/** dcmtk says which character set the file had; the model says which one the answer has. */
const withoutCharset = ({ '00080005': _charset, ...rest }: JsonDataset): JsonDataset => rest;

describe('metadata of an instance (PS3.18 F)', () => {
  test('is what dcmtk reads in the same file', () => {
    for (const { bytes } of buildExamination({ seriesCount: 2 }).instances) {
      expect(withoutCharset(buildMetadata(bytes))).toEqual(withoutCharset(readByDcmtk(bytes)));
    }
  });

  test('has no file meta information and no pixel data', () => {
    const [image] = buildExamination().instances;
    const metadata = buildMetadata(image?.bytes ?? new Uint8Array());
    expect(Object.keys(metadata)).not.toContain('7FE00010');
    expect(Object.keys(metadata).filter((tag) => tag.startsWith('0002'))).toEqual([]);
  });

  test('rubbish is ours to name', () => {
    expect(() => buildMetadata(Buffer.alloc(1000, 7))).toThrow(
      expect.objectContaining({ code: 'wado/metadata-unreadable' }),
    );
  });
});
