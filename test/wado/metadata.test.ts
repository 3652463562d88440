/** The DICOM JSON model against what dcm2json of dcmtk writes of the same file. Invented images. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { buildMetadata, type JsonDataset } from '../../plugin/wado/metadata.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { outlineOf } from '../fixtures/renditions/judges.ts';

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
      expect(withoutCharset(buildMetadata(bytes, outlineOf(bytes)))).toEqual(withoutCharset(readByDcmtk(bytes)));
    }
  });

  test('is what dcmtk reads beside a private sequence that a PACS wrote as UN, its items of undefined length (PS3.5 §6.2.2)', () => {
    const [image] = buildExamination().instances;
    const bytes = Buffer.from(image?.bytes ?? []);
    const outline = outlineOf(bytes);
    const [open, itemEnd, end] = ['feff00e0ffffffff', 'feff0de000000000', 'feffdde000000000'];
    // In a sequence that a reader cannot jump over: (7001,1001) UN within (7001,1000) SQ.
    const creator = `017010004c4f0800${Buffer.from('INVENTE ').toString('hex')}`;
    const inside = `01700110554e0000ffffffff${open}0800000104000000434f4445${itemEnd}${end}`;
    const around = `0170001053510000ffffffff${open}${inside}${itemEnd}${end}`;
    const file = Buffer.concat([bytes.subarray(0, outline.scanEnd), Buffer.from(creator + around, 'hex')]);
    const metadata = buildMetadata(file, outline);
    expect(withoutCharset(metadata)).toEqual(withoutCharset(readByDcmtk(file)));
    expect(JSON.stringify(metadata['70011000'])).toContain('CODE');
  });

  test('has no file meta information and no pixel data', () => {
    const [image] = buildExamination().instances;
    const bytes = Buffer.from(image?.bytes ?? []);
    const metadata = buildMetadata(bytes, outlineOf(bytes));
    expect(Object.keys(metadata)).not.toContain('7FE00010');
    expect(Object.keys(metadata).filter((tag) => tag.startsWith('0002'))).toEqual([]);
  });

  test('rubbish is ours to name', () => {
    const [image] = buildExamination().instances;
    const outline = outlineOf(Buffer.from(image?.bytes ?? []));
    expect(() => buildMetadata(Buffer.alloc(1000, 7), outline)).toThrow(
      expect.objectContaining({ code: 'wado/metadata-unreadable' }),
    );
  });
});
