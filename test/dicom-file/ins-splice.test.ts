/** The INS in every image that leaves, merged, never replaced (facts b.5.2, question 10; DB.SO WADO-RS). */
import { describe, expect, test } from 'vitest';
import {
  assembleFile,
  checkIdentity,
  planInsSplice,
  segmentLength,
  type DicomFileOutline,
} from '../../plugin/dicom-file/index.ts';
import { parseInsIdentifier } from '../../plugin/standards/index.ts';
import {
  cineFile,
  ctFile,
  dcmdump,
  dcmtkConvert,
  element,
  encodeAs,
  encodingNames,
  identity,
  imageElements,
  implicitElement,
  iodFindings,
  isDicomFile,
  item,
  outlineOf,
  rawFile,
  sequenceEnd,
  undefinedLength,
} from '../fixtures/dicom-file/index.ts';
import { readWithDcmjs, valuesAt } from '../fixtures/kos/dcmjs-reading.ts';

const ins = parseInsIdentifier('199017512345657', '1.2.250.1.213.1.4.10');
const otherKind = { id: '275017512345657', issuer: 'ASIP-SANTE-INS-NIA', issuerOid: '1.2.250.1.213.1.4.11' };
const hospitalId = { id: 'AUTRE-EXEMPLE-9', issuer: 'AUTRE HOPITAL', issuerOid: '1.2.250.1.999999.1.9' };
const code = (value: string): object => expect.objectContaining({ code: value });

const splice = (file: Buffer): Buffer => {
  const plan = planInsSplice(outlineOf(file), ins);
  const spliced = assembleFile(file, plan);
  expect(spliced.length).toBe(plan.totalBytes);
  expect(plan.segments.reduce((sum, segment) => sum + segmentLength(segment), 0)).toBe(plan.totalBytes);
  return spliced;
};

/** dcmdump without lengths, counts and delimiters: tag, VR, value. */
const dumpLines = (file: Buffer): readonly string[] => {
  const { status, text, warnings } = dcmdump(file, ['-q', '+L', '+R', '100']);
  expect({ status, warnings }).toEqual({ status: 0, warnings: '' });
  return text
    .split('\n')
    .filter((line) => /^\s*\(/.test(line) && !/\(fffe,e0[0d]d\)|\(0010,0000\)/.test(line))
    .map((line) =>
      line
        .replace(/#.*$/, '')
        .replace(/with (explicit|undefined) length/, '')
        .trimEnd(),
    );
};

/** Lines of `after` that `before` lacks, provided that `before` is there whole and in order. */
const addedLines = (before: readonly string[], after: readonly string[]): readonly string[] => {
  const added: string[] = [];
  let next = 0;
  for (const line of after) {
    if (line === before[next]) next += 1;
    else added.push(line.trim().replace(/\s+/g, ' '));
  }
  expect(next).toBe(before.length);
  return added;
};

const newItem = [
  '(fffe,e000) na (Item',
  '(0010,0020) LO [199017512345657]',
  '(0010,0021) LO [ASIP-SANTE-INS-NIR]',
  '(0010,0022) CS [TEXT]',
  '(0010,0024) SQ (Sequence',
  '(fffe,e000) na (Item',
  '(0040,0032) UT [1.2.250.1.213.1.4.10]',
  '(0040,0033) CS [ISO]',
];

describe('the file with the INS added', () => {
  describe.each(encodingNames)('%s', (name) => {
    test('keeps the other identifiers and everything else, and adds one item (DCMTK reads it)', () => {
      const file = encodeAs(name, ctFile([hospitalId, otherKind]));
      const spliced = splice(file);
      expect(isDicomFile(spliced)).toBe(true);
      const added = addedLines(dumpLines(file), dumpLines(spliced));
      expect(added).toEqual(newItem);
      expect(outlineOf(spliced).otherPatientIds?.items.map(({ id }) => id)).toEqual([
        'AUTRE-EXEMPLE-9',
        '275017512345657',
        '199017512345657',
      ]);
    });

    test('gets the sequence at its place in tag order when it had none', () => {
      const file = encodeAs(name, ctFile([]));
      const spliced = splice(file);
      expect(isDicomFile(spliced)).toBe(true);
      expect(addedLines(dumpLines(file), dumpLines(spliced))).toEqual(['(0010,1002) SQ (Sequence', ...newItem]);
      const tags = [...outlineOf(spliced).elements.keys()];
      expect(tags).toEqual(tags.toSorted((a, b) => a - b));
    });

    test('has it once, however often it is added; the pixels stay byte for byte', () => {
      const file = encodeAs(name, ctFile([hospitalId]));
      const spliced = splice(file);
      expect(splice(spliced).equals(spliced)).toBe(true);
      expect(spliced.subarray(-128).equals(file.subarray(-128))).toBe(true);
      expect(spliced.length - file.length).toBeGreaterThan(100);
    });
  });

  test.each(['explicit LE, group lengths', 'implicit LE, group lengths', 'explicit BE, group lengths'] as const)(
    '%s: the retired group length is right again, as DCMTK would write it',
    (name) => {
      for (const otherIds of [[], [hospitalId]]) {
        const outline = outlineOf(splice(encodeAs(name, ctFile(otherIds))));
        const places = [...outline.elements.values()].filter(({ tag }) => tag >>> 16 === 0x0010);
        const groupLengthEnd = outline.elements.get(0x00100000)?.end ?? 0;
        expect(outline.patientGroupLength).toBe((places.at(-1)?.end ?? 0) - groupLengthEnd);
      }
    },
  );

  test.each([[[]], [[hospitalId]]])('dciodvfy finds in it what it found before, and nothing else', (otherIds) => {
    const file = ctFile(otherIds);
    expect(iodFindings(splice(file))).toEqual(iodFindings(file));
    expect(iodFindings(file).filter((line) => line.startsWith('Error'))).toEqual([]);
  });

  test('is the same data set for dcmjs but for the added item', () => {
    const file = ctFile([hospitalId]);
    const { '00101002': before, ...rest } = readWithDcmjs(file);
    const { '00101002': after, ...restAfter } = readWithDcmjs(splice(file));
    expect(restAfter).toEqual(rest);
    expect(after?.Value?.slice(0, 1)).toEqual(before?.Value);
    expect(after?.Value).toHaveLength(2);
    const spliced = readWithDcmjs(splice(file));
    expect(valuesAt(spliced, '00101002', '00100020')).toEqual(['AUTRE-EXEMPLE-9', '199017512345657']);
    expect(valuesAt(spliced, '00101002', '00100024', '00400032')).toEqual([
      '1.2.250.1.999999.1.9',
      '1.2.250.1.213.1.4.10',
    ]);
  });

  test.each([
    ['dcmcjpls', []],
    ['dcmcjpeg', ['+e1']],
    ['dcmcrle', []],
  ] as const)('%s: a compressed file is spliced like any other', (tool, options) => {
    const file = dcmtkConvert(tool, options, ctFile([hospitalId], 32));
    const spliced = splice(file);
    expect(addedLines(dumpLines(file), dumpLines(spliced))).toEqual(newItem);
    const [before, after] = [outlineOf(file), outlineOf(spliced)];
    expect(spliced.subarray(after.pixel?.start).equals(file.subarray(before.pixel?.start))).toBe(true);
  });

  test('changes nothing when the number is there under its OID, in one copied range', () => {
    const file = ctFile([hospitalId, { id: ins.value, issuerOid: ins.oid }]);
    const plan = planInsSplice(outlineOf(file), ins);
    expect(plan).toEqual({ segments: [{ kind: 'copy', start: 0, end: file.length }], totalBytes: file.length });
  });

  test('says it again when the number is there without its OID: nobody could know what it is', () => {
    const file = ctFile([{ id: ins.value, issuer: 'ASIP-SANTE-INS-NIR' }]);
    expect(outlineOf(splice(file)).otherPatientIds?.items).toEqual([
      { id: ins.value, issuerOids: [] },
      { id: ins.value, issuerOids: [ins.oid] },
    ]);
  });

  const withSequence = (sequence: Uint8Array): Buffer =>
    rawFile([
      ...identity.slice(0, 4),
      sequence,
      ...identity.slice(4),
      ...imageElements(),
      element(0x7fe00010, 'OB', Buffer.alloc(4)),
    ]);

  test.each([
    ['empty, defined length', element(0x00101002, 'SQ', '')],
    ['empty, undefined length', Buffer.concat([element(0x00101002, 'SQ', '', undefinedLength), sequenceEnd])],
    ['UN, defined length', element(0x00101002, 'UN', item(implicitElement(0x00100020, 'X-EXEMPLE ')))],
    [
      'UN, undefined length',
      Buffer.concat([
        element(0x00101002, 'UN', '', undefinedLength),
        item(implicitElement(0x00100020, 'X-EXEMPLE ')),
        sequenceEnd,
      ]),
    ],
  ])('%s: an existing sequence takes one more item in its own encoding', (name, sequence) => {
    const file = withSequence(sequence);
    const spliced = splice(file);
    // DCMTK shows what is written as UN as bytes.
    expect(dcmdump(spliced, ['-q', '+L']).status).toBe(0);
    if (!name.startsWith('UN')) expect(dumpLines(spliced).join('\n')).toContain('[199017512345657]');
    expect(outlineOf(spliced).otherPatientIds?.items.at(-1)).toEqual({ id: ins.value, issuerOids: [ins.oid] });
    expect(outlineOf(spliced).otherPatientIds?.items).toHaveLength(
      (outlineOf(file).otherPatientIds?.items.length ?? 0) + 1,
    );
    expect(splice(spliced).equals(spliced)).toBe(true);
  });

  test('an object without patient group, or with nothing behind it, gets it at its place all the same', () => {
    const [sopClass, sopInstance, modality, , study, series] = identity;
    const spliced = splice(rawFile([sopClass, sopInstance, modality, study, series]));
    expect([...outlineOf(spliced).elements.keys()].slice(3, 5)).toEqual([0x00101002, 0x0020000d]);
    const last = splice(rawFile([study, series, sopClass, sopInstance, modality]));
    expect(outlineOf(last).otherPatientIds?.items).toHaveLength(1);
    expect(dcmdump(last).status).toBe(0);
  });

  test('the plan can be made from a beginning of the file: the rest is ranges', () => {
    const file = cineFile(50);
    const reading = outlineOf(file.subarray(0, 2048), { fileLength: file.length });
    expect(planInsSplice(reading, ins)).toEqual(planInsSplice(outlineOf(file), ins));
  });
});

describe('a file that contradicts what is known', () => {
  test('dicom-file/identity-mismatch: another number under the same OID is another patient', () => {
    const contradicting = ctFile([{ id: '275017512345657', issuerOid: ins.oid }]);
    expect(() => planInsSplice(outlineOf(contradicting), ins)).toThrow(code('dicom-file/identity-mismatch'));
    const qualifiers = element(
      0x00100024,
      'SQ',
      item(Buffer.concat([element(0x00400032, 'UT', ins.oid), element(0x00400033, 'CS', 'ISO')])),
    );
    const main = rawFile([...identity.slice(0, 4), qualifiers, ...identity.slice(4)]);
    expect(() => planInsSplice(outlineOf(main), ins)).toThrow(code('dicom-file/identity-mismatch'));
    expect(() => planInsSplice(outlineOf(main), ins)).toThrow(
      expect.not.objectContaining({ message: expect.stringMatching(/EXEMPLE|19901|27501/) }),
    );
  });

  test('standards/ins-invalid: nothing but a matricule is written', () => {
    expect(() => planInsSplice(outlineOf(ctFile()), { ...ins, value: '1\\2' })).toThrow(code('standards/ins-invalid'));
  });

  test('dicom-file/identity-mismatch: study, series and instance are those that were asked for (E1)', () => {
    const outline: DicomFileOutline = outlineOf(ctFile());
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = outline;
    const expected = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    expect(() => checkIdentity(outline, expected)).not.toThrow();
    for (const name of ['studyInstanceUid', 'seriesInstanceUid', 'sopInstanceUid'] as const) {
      expect(() => checkIdentity(outline, { ...expected, [name]: `${expected[name]}.1` })).toThrow(
        expect.objectContaining({ code: 'dicom-file/identity-mismatch', detail: `another ${name} in the file` }),
      );
    }
  });
});
