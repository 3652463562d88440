/** Whatever the bytes: an answer or an error of ours, never a crash, a hang or another error (house-style 29). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  assembleFile,
  buildFile,
  inflateDataset,
  planInsSplice,
  readFrames,
  readOutline,
  toExplicitLittleEndian,
  transferSyntaxUids,
} from '../../plugin/dicom-file/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseInsIdentifier } from '../../plugin/standards/index.ts';
import {
  cineFile,
  ctFile,
  dcmtkConvert,
  element,
  encodeAs,
  encodingNames,
  fileMeta,
  identity,
  imageElements,
  outlineOf,
  rawFile,
} from '../fixtures/dicom-file/index.ts';

const ins = parseInsIdentifier('199017512345657', '1.2.250.1.213.1.4.10');
const hospitalId = { id: 'AUTRE-EXEMPLE-9', issuerOid: '1.2.250.1.999999.1.9' };

const samples: readonly Buffer[] = [
  ...encodingNames.map((name) => encodeAs(name, ctFile([hospitalId]))),
  dcmtkConvert('dcmcrle', [], cineFile()),
  dcmtkConvert('dcmcjpls', ['-ot'], ctFile([hospitalId], 16)),
  dcmtkConvert('dcmconv', ['+td'], ctFile()),
];

/** Runs what may fail; gives the code of ours, or 'done'. */
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'done';
  } catch (error) {
    if (error instanceof DrimboxError) return error.code;
    throw error;
  }
};

const spliceTwice = (file: Buffer): void => {
  const spliced = assembleFile(file, planInsSplice(outlineOf(file), ins));
  // What was read once is read again, and has the number.
  const outline = outlineOf(spliced);
  expect(outline.otherPatientIds?.items.at(-1)?.id).toBe(ins.value);
  expect(planInsSplice(outline, ins).totalBytes).toBe(spliced.length);
};

const readEverything = (file: Buffer): void => {
  if (codeOf(() => readOutline(file)) !== 'done') return;
  const reading = readOutline(file);
  if (reading.kind === 'deflated') codeOf(() => inflateDataset(file, 1_000_000));
  if (reading.kind !== 'outline') return;
  codeOf(() => spliceTwice(file));
  codeOf(() => [...readFrames(reading.outline, file)]);
  codeOf(() => {
    const explicit = toExplicitLittleEndian(file, reading.outline);
    const outline = outlineOf(explicit);
    expect(outline.studyInstanceUid).toBe(reading.outline.studyInstanceUid);
    const plan = buildFile(outline, explicit, {
      transferSyntaxUid: transferSyntaxUids.explicitVrLittleEndian,
      elements: [{ kind: 'set', tag: 0x00280103, vr: 'US', value: [0] }],
      pixelData: { kind: 'native', vr: 'OW', chunks: [Buffer.alloc(16)] },
    });
    expect(outlineOf(assembleFile(explicit, plan)).sopInstanceUid).toBe(outline.sopInstanceUid);
  });
};

const sample = fc.constantFrom(...samples);
/** Share of the file: evenly spread, which fast-check's doubles are not. */
const position = fc.nat(999_999).map((millionths) => millionths / 1_000_000);
const at = (file: Buffer, share: number): number => 128 + Math.floor(share * (file.length - 132));

describe('hostile files', () => {
  test('samples with bytes changed', () => {
    const changes = fc.array(fc.tuple(position, fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(sample, changes, (original, flips) => {
        const file = Buffer.from(original);
        for (const [share, value] of flips) file[at(file, share)] = value;
        readEverything(file);
      }),
      { numRuns: 3000 },
    );
  });

  test('samples with lengths that lie: short, long, undefined, negative', () => {
    const length = fc.constantFrom(0, 1, 2, 7, 8, 0xfffe, 0xffff, 0x10000, 0x7fffffff, 0xfffffffe, 0xffffffff);
    fc.assert(
      fc.property(sample, position, length, fc.boolean(), (original, share, value, isLong) => {
        const file = Buffer.from(original);
        if (isLong) file.writeUInt32LE(value, at(file, share));
        else file.writeUInt16LE(value & 0xffff, at(file, share));
        readEverything(file);
      }),
      { numRuns: 3000 },
    );
  });

  test('samples cut anywhere, pieces moved, repeated, left out', () => {
    fc.assert(
      fc.property(sample, position, position, position, (file, one, two, three) => {
        const [a, b, c] = [one, two, three].map((share) => at(file, share)) as [number, number, number];
        readEverything(file.subarray(0, a));
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        readEverything(Buffer.concat([file.subarray(0, low), file.subarray(high)]));
        readEverything(Buffer.concat([file.subarray(0, high), file.subarray(low)]));
        readEverything(Buffer.concat([file.subarray(0, c), file.subarray(low, high), file.subarray(c)]));
      }),
      { numRuns: 1500 },
    );
  });

  test('noise behind a right beginning, in every encoding', () => {
    const syntax = fc.constantFrom(
      '1.2.840.10008.1.2',
      '1.2.840.10008.1.2.1',
      '1.2.840.10008.1.2.2',
      '1.2.840.10008.1.2.5',
    );
    fc.assert(
      fc.property(syntax, fc.uint8Array({ maxLength: 300 }), (transferSyntaxUid, noise) => {
        readEverything(Buffer.concat([fileMeta(transferSyntaxUid), noise]));
        readEverything(rawFile([...identity, noise], transferSyntaxUid));
      }),
      { numRuns: 1500 },
    );
  });

  test('the beginning of a hostile file asks for no more than there is, and always for more than it was given', () => {
    fc.assert(
      fc.property(sample, position, fc.nat(255), position, (original, share, value, cut) => {
        const file = Buffer.from(original);
        file[at(file, share)] = value;
        const given = Math.floor(cut * file.length);
        codeOf(() => {
          const reading = readOutline(file.subarray(0, given), { fileLength: file.length });
          if (reading.kind !== 'need-more') return;
          expect(reading.atLeastBytes).toBeGreaterThan(given);
          expect(reading.atLeastBytes).toBeLessThanOrEqual(file.length);
        });
      }),
      { numRuns: 3000 },
    );
  });

  test('a file of a million bytes of padding, of empty items or of one repeated element ends at once', () => {
    const million = 1_000_000;
    const files = [
      rawFile([...identity, Buffer.alloc(million)]),
      rawFile([...identity, ...imageElements(), Buffer.alloc(million, element(0x00990001, 'LO', ''))]),
      rawFile([...identity, Buffer.alloc(million, 0xff)]),
    ];
    for (const file of files) readEverything(file);
    expect(codeOf(() => readOutline(files[0] ?? Buffer.alloc(0)))).toBe('done');
    expect(codeOf(() => readOutline(files[2] ?? Buffer.alloc(0)))).toBe('dicom-file/malformed');
  });
});
