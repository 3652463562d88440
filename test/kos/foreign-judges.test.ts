/** dciodvfy (dicom3tools), dsrdump and dcmdump (DCMTK) judge what we build: none shares code with us. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildManifest, type ManifestBuildOptions, type ManifestContent } from '../../plugin/kos/index.ts';
import {
  inventContent,
  inventContentBeyondLatin1,
  inventManifestSeries,
  inventStamp,
} from '../fixtures/kos/invented-manifest.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-kos-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (command: string, args: readonly string[], bytes: Uint8Array) => {
  const file = join(folder, 'manifest.dcm');
  writeFileSync(file, bytes);
  const { status, stdout, stderr, error } = spawnSync(command, [...args, file]);
  if (error !== undefined) throw error;
  return { status, stdout, lines: `${stdout.toString('latin1')}\n${stderr.toString('latin1')}`.split('\n') };
};

/** PS3.3 does not foresee these; the national samples carry them. RetrieveURL is demanded by every DRIMbox. */
const retrieveUrlWarning = /RetrieveURL\(0008,1190\)> - Attribute is not present in standard DICOM IOD$/;
const evidenceWarnings = [
  retrieveUrlWarning,
  /ReferencedSOPSequence\(0008,1199\)\[\d+\]\/InstanceNumber\(0020,0013\)> - Attribute is not present in standard DICOM IOD$/,
  /ReferencedSOPSequence\(0008,1199\)\[\d+\]\/NumberOfFrames\(0028,0008\)> - Attribute is not present in standard DICOM IOD$/,
  /ReferencedSeriesSequence\(0008,1115\)\[\d+\]\/SeriesNumber\(0020,0011\)> - Attribute is not present in standard DICOM IOD$/,
];
/** The national samples write a used family name alone without caret. */
const loneFamilyName =
  /OtherPatientNames\(0010,1001\)\[\d\]> - Value dubious for this VR \[PN\] = <[A-ZÀ-Ý ]+> - Retired Person Name form$/;
/** What the PACS does not know is empty. */
const unknownToPacs =
  /Study(?:ID|Date|Time)\([0-9,]+\)> - Missing attribute or value that would be needed to build DICOMDIR$/;

const content = inventContent();
const cases: readonly (readonly [string, ManifestContent, ManifestBuildOptions, readonly RegExp[]])[] = [
  ['an ordinary study', content, {}, evidenceWarnings],
  ['evidence kept to PS3.3', content, { writeNonStandardEvidence: false }, [retrieveUrlWarning]],
  ['names beyond ISO 8859-1', inventContentBeyondLatin1(), {}, evidenceWarnings],
  ['neither order nor issuer', inventContent({ orders: [] }), {}, evidenceWarnings],
  ['orders without issuer', inventContent({ orders: [{ accessionNumber: { value: 'A' } }, {}] }), {}, evidenceWarnings],
  [
    'nothing but the necessary',
    inventContent({
      patient: {
        ins: content.patient.ins,
        birthFamilyName: 'EXEMPLE',
        firstBirthGivenName: 'A',
        birthGivenNames: '',
        birthDate: '19790000',
        sex: 'U',
      },
      study: {
        ...content.study,
        studyDate: '',
        studyTime: '',
        studyId: '',
        studyDescription: '',
        referringPhysicianName: '',
      },
      actDisplayName: '',
      series: [
        inventManifestSeries(1, { modality: '', seriesNumber: '', seriesDescription: '', bodyPartExamined: '' }),
      ],
    }),
    {},
    [...evidenceWarnings, unknownToPacs],
  ],
  [
    'a used family name alone',
    inventContent({ patient: { ...content.patient, usedGivenName: '' } }),
    {},
    [...evidenceWarnings, loneFamilyName],
  ],
  [
    'everything too long',
    inventContent({
      patient: {
        ...content.patient,
        birthFamilyName: 'É'.repeat(60),
        birthGivenNames: 'É'.repeat(99),
        usedFamilyName: 'É'.repeat(99),
      },
      institution: { id: '1010000017', name: 'É'.repeat(99) },
      study: { ...content.study, studyDescription: 'É'.repeat(999), referringPhysicianName: 'É^'.repeat(99) },
      actDisplayName: 'É'.repeat(99_999),
    }),
    {},
    [...evidenceWarnings, loneFamilyName],
  ],
  [
    'odd characters',
    inventContent({
      patient: { ...content.patient, birthFamilyName: 'A\\B^C\u0000D', birthGivenNames: 'E\u001b$B\u0085' },
      study: { ...content.study, studyDescription: 'A\\B\r\nC\u001b', referringPhysicianName: 'X\\Y^Z\u0007' },
      actDisplayName: 'tab\tline\nbell\u0007',
    }),
    {},
    evidenceWarnings,
  ],
];

describe.each(cases)('%s', (_, from, options, allowed) => {
  const build = (): Uint8Array => buildManifest(from, inventStamp(), options);

  test('dciodvfy -new: no error, and no warning but those listed', () => {
    const { status, lines } = run('dciodvfy', ['-new'], build());
    expect(lines).toContain('KeyObjectSelectionDocument');
    expect(lines.filter((line) => line.startsWith('Error'))).toEqual([]);
    expect(
      lines.filter((line) => line.startsWith('Warning') && !allowed.some((pattern) => pattern.test(line))),
    ).toEqual([]);
    expect(status).toBe(0);
  });

  test('dsrdump: reads the content tree; complains of nothing but what it cannot check', () => {
    const { status, lines } = run('dsrdump', [], build());
    const complaints = lines.filter((line) => /^[EWF]: /.test(line));
    expect(
      complaints.filter(
        (line) =>
          !/template constraints not yet supported|does not support this Specific Character Set: ISO_IR 192/.test(line),
      ),
    ).toEqual([]);
    expect(lines.filter((line) => line.includes('<contains '))).toHaveLength(
      1 + from.series.reduce((count, series) => count + series.instances.length, 0),
    );
    expect(status).toBe(0);
  });
});

describe('dcmdump finds accents byte for byte', () => {
  test.each([
    ['ISO_IR 100', 'latin1', content, 'EXEMPLÉ^AMÉLIE'],
    ['ISO_IR 192', 'utf8', inventContentBeyondLatin1(), 'ŁUKASZEWSKI^CŒLINE'],
  ] as const)('%s', (term, encoding, from, name) => {
    const { stdout } = run(
      'dcmdump',
      ['+L', '+P', '0008,0005', '+P', '0010,0010', '+P', '0008,1030'],
      buildManifest(from, inventStamp()),
    );
    const expected = [`[${term}]`, `[${name}]`, '[Scanner thoracique injecté]'];
    for (const value of expected) expect(stdout.includes(Buffer.from(value, encoding))).toBe(true);
  });
});

test('the content tree has images, composites and waveforms by class (decision C3)', () => {
  const { lines } = run('dsrdump', [], buildManifest(content, inventStamp()));
  expect(lines.filter((line) => line.includes('<contains ')).map((line) => line.trim().replace(/,.*/, ''))).toEqual([
    '<contains IMAGE:=(CT image',
    '<contains IMAGE:=(CT image',
    '<contains IMAGE:=(USm image',
    '<contains COMPOSITE:=(GrayscaleSoftcopyPresentationStateStorage',
    '<contains COMPOSITE:=(BasicTextSRStorage',
    '<contains COMPOSITE:=(EncapsulatedPDFStorage',
    '<contains COMPOSITE:=(KeyObjectSelectionDocumentStorage',
    '<contains WAVEFORM:=(TwelveLeadECGWaveformStorage',
    '<contains TEXT:(',
  ]);
});
