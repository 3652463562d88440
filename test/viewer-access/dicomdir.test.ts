import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inflateDataset, readOutline } from '../../plugin/dicom-file/index.ts';
import { buildDicomdir, foreseeDicomdirBytes } from '../../plugin/viewer-access/dicomdir/dicomdir.ts';
import { type FileRecord, readFileRecord } from '../../plugin/viewer-access/dicomdir/directory-record.ts';
import { recordTypeOf } from '../../plugin/viewer-access/dicomdir/record-types.ts';
import { imagePath } from '../../plugin/viewer-access/zip/file-paths.ts';
import {
  buildCtInstance,
  buildCtStudy,
  buildMixedStudy,
  type InventedInstance,
  inventedPatient,
  inventInstance,
  inventedSeries,
  inventedStudy,
} from '../fixtures/dicom/index.ts';
import { dcmtkConvert, encodeAs, encodingNames } from '../fixtures/dicom-file/index.ts';
import { withFolder } from '../fixtures/viewer-access/zip-judges.ts';

const uids = { fileSetUid: '2.25.161803398874989484820458683436563811', implementationClassUid: '2.25.27182818' };
const mixed = buildMixedStudy();

const recordOf = (bytes: Buffer, sopClassUid: string, seriesPlace = 1, instancePlace = 1): FileRecord => {
  const first = readOutline(bytes);
  const whole = first.kind === 'deflated' ? inflateDataset(bytes, 2 ** 24) : bytes;
  const reading = readOutline(whole);
  if (reading.kind !== 'outline') throw new Error('no outline');
  const { outline } = reading;
  const place = {
    type: recordTypeOf(sopClassUid),
    seriesPlace,
    instancePlace,
    storedBytes: bytes.length,
    patientIdOtherwise: '199017512345657',
  };
  return readFileRecord({ outline, head: whole }, place, outline.transferSyntaxUid);
};

interface PlacedFile {
  readonly path: string;
  readonly sopClassUid: string;
  readonly storedBytes: number;
  readonly bytes: Buffer;
}

const placed = (instances: readonly InventedInstance[]): readonly (readonly PlacedFile[])[] =>
  [...Map.groupBy(instances, ({ seriesInstanceUid }) => seriesInstanceUid).values()].map((some, series) =>
    some.map(({ sopClassUid, bytes }, at) => ({
      path: imagePath(series, at),
      sopClassUid,
      storedBytes: bytes.length,
      bytes,
    })),
  );

const directoryOf = (instances: readonly InventedInstance[]): Buffer => {
  const files = placed(instances);
  const series = files.map((some, at) =>
    some.map(({ path, sopClassUid, bytes }, place) => ({
      path,
      sopClassUid,
      record: recordOf(bytes, sopClassUid, at + 1, place + 1),
    })),
  );
  return buildDicomdir({ ...uids, series }, foreseeDicomdirBytes(files, uids));
};

/** The file-set in a folder: `DICOMDIR` is ours. */
const withFileSet = <Result>(instances: readonly InventedInstance[], use: (folder: string) => Result): Result =>
  withFolder((folder) => {
    for (const { path, bytes } of placed(instances).flat()) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
    writeFileSync(join(folder, 'DICOMDIR'), directoryOf(instances));
    return use(folder);
  });

interface DumpedRecord {
  readonly offset: number;
  readonly next: number;
  readonly lower: number;
  readonly type: string;
  /** Keys and references, without offsets, as dcmdump prints them. */
  readonly lines: readonly string[];
}

const dump = (path: string, options: readonly string[] = []): string =>
  execFileSync('dcmdump', [...options, path], { encoding: 'latin1' });

const numberIn = (text: string, tag: string): number => Number(new RegExp(`\\(${tag}\\) up (\\d+)`).exec(text)?.[1]);

const parseDump = (text: string): { readonly first: number; readonly records: readonly DumpedRecord[] } => {
  const [root = '', ...items] = text.split(/^ {2}\(fffe,e000\) na "Directory Record" /m);
  const records = items.map((item) => ({
    offset: Number(/offset=\$(\d+)/.exec(item)?.[1]),
    next: numberIn(item, '0004,1400'),
    lower: numberIn(item, '0004,1420'),
    type: /\(0004,1430\) CS \[([^\]]+)\]/.exec(item)?.[1] ?? '',
    lines: item
      .split('\n')
      .filter((line) => /^ {4}/.test(line) && !/\(0004,14[0-2]0\)/.test(line))
      .map((line) => line.replace(/ *#.*$/, '').trim()),
  }));
  return { first: numberIn(root, '0004,1200'), records };
};

/** Optional keys: those that dcmmkdir writes and we do not, and the other way round. */
const optional = /^\((0010,0030|0010,0040|0008,0008|0008,0080|0008,103e|0020,0032|0020,0037|0020,0052|0028,....)\)/;
const required = ({ lines }: DumpedRecord): readonly string[] => {
  const kept = lines.filter((line) => !optional.test(line));
  const hasText = kept.some((line) => /[\x80-\xff]/.test(line));
  // Named by the record only where a key needs it.
  return hasText ? kept : kept.filter((line) => !line.startsWith('(0008,0005)'));
};

describe('the DICOMDIR', () => {
  it('says the same as the one that dcmmkdir makes of the same files (STD-GEN-CD keys, nine kinds of object)', () => {
    withFileSet(mixed, (folder) => {
      execFileSync('dcmmkdir', ['+D', 'REFERENC', '+r', 'DICOM'], { cwd: folder, stdio: 'pipe' });
      const ours = parseDump(dump(join(folder, 'DICOMDIR'))).records;
      const theirs = parseDump(dump(join(folder, 'REFERENC'))).records;
      expect(ours.map(({ type }) => type)).toEqual(theirs.map(({ type }) => type));
      expect(ours.map(required)).toEqual(theirs.map(required));
      expect(new Set(ours.map(({ type }) => type))).toEqual(
        new Set('PATIENT,STUDY,SERIES,IMAGE,SR DOCUMENT,PRESENTATION,ENCAP DOC,WAVEFORM,KEY OBJECT DOC'.split(',')),
      );
    });
  });

  it('is faultless to dciodvfy, dcmftest and gdcm', () => {
    withFileSet(mixed, (folder) => {
      const path = join(folder, 'DICOMDIR');
      const findings = spawnSync('dciodvfy', [path], { encoding: 'latin1' });
      expect((findings.stdout + findings.stderr).split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
      expect(findings.stderr).toContain('BasicDirectory');
      expect(spawnSync('dcmftest', [path], { encoding: 'utf8' }).stdout).toMatch(/^yes/);
      expect(spawnSync('gdcminfo', [path], { encoding: 'utf8' })).toMatchObject({
        status: 0,
        stdout: expect.stringContaining('Media Storage Directory Storage'),
      });
      const dumped = spawnSync('gdcmdump', [path], { encoding: 'latin1' });
      expect(dumped.status).toBe(0);
      expect(dumped.stdout.match(/DICOM\\PA000000\\ST000000\\SE\d{6}\\IM\d{6}/g)?.length).toBe(mixed.length);
    });
  });

  it('leads to every record by its offsets, each once (PS3.3 F.3.2.2)', () => {
    withFileSet(buildCtStudy({ seriesCount: 3, instancesPerSeries: 4 }), (folder) => {
      const { first, records } = parseDump(dump(join(folder, 'DICOMDIR')));
      const byOffset = new Map(records.map((record) => [record.offset, record]));
      const walk = (offset: number, depth: number): readonly string[] => {
        if (offset === 0) return [];
        const record = byOffset.get(offset);
        if (record === undefined) throw new Error(`no record at ${offset}`);
        return [`${depth} ${record.type}`, ...walk(record.lower, depth + 1), ...walk(record.next, depth)];
      };
      const series = ['2 SERIES', ...Array.from({ length: 4 }, () => '3 IMAGE')];
      expect(walk(first, 0)).toEqual(['0 PATIENT', '1 STUDY', ...series, ...series, ...series]);
    });
  });

  it('can be taken further by dcmmkdir: another examination is added to it', () => {
    withFileSet(mixed, (folder) => {
      const [other] = buildCtStudy({ number: 2, instancesPerSeries: 1 });
      writeFileSync(join(folder, 'OTHER'), other?.bytes ?? '');
      execFileSync('dcmmkdir', ['+A', '+D', 'DICOMDIR', 'OTHER'], { cwd: folder, stdio: 'pipe' });
      const types = parseDump(dump(join(folder, 'DICOMDIR'))).records.map(({ type }) => type);
      expect(types.filter((type) => type === 'STUDY').length).toBe(2);
      expect(types.filter((type) => type === 'PATIENT').length).toBe(1);
    });
  });

  it('is as long as foreseen before any file was read, and the rest is Data Set Trailing Padding (PS3.10 §7.2)', () => {
    const files = placed(mixed);
    const bytes = foreseeDicomdirBytes(files, uids);
    expect(directoryOf(mixed).length).toBe(bytes);
    const none = buildDicomdir({ ...uids, series: [] }, bytes);
    expect(none.length).toBe(bytes);
    withFolder((folder) => {
      writeFileSync(join(folder, 'DICOMDIR'), none);
      const text = dump(join(folder, 'DICOMDIR'));
      expect(text).toContain('(fffc,fffc)');
      expect(parseDump(text)).toMatchObject({ first: 0, records: [] });
    });
    expect(() => buildDicomdir({ ...uids, series: [] }, 100)).toThrow('longer than foreseen');
  });

  it('leaves out a series whose files were all left out', () => {
    const files = placed(mixed);
    const series = files.map((some, at) =>
      at === 0 ? [] : some.map((file) => ({ ...file, record: recordOf(file.bytes, file.sopClassUid) })),
    );
    withFolder((folder) => {
      const path = join(folder, 'DICOMDIR');
      writeFileSync(path, buildDicomdir({ ...uids, series }, foreseeDicomdirBytes(files, uids)));
      const { records } = parseDump(dump(path));
      expect(records.filter(({ type }) => type === 'SERIES').length).toBe(files.length - 1);
    });
  });
});

describe('the keys of a record', () => {
  it('keep the character set of the file with its bytes: ISO_IR 100 and ISO_IR 192 names read alike', () => {
    const readBack = (name: string, characterSet: string): string => {
      const study = inventedStudy(1, {
        patient: { ...inventedPatient, name },
        studyDescription: 'Scanner',
        institutionName: 'Hopital',
      });
      const series = inventedSeries(study, 1, 'CT', { seriesDescription: 'Serie' });
      const one = buildCtInstance(study, series, 1);
      const bytes = Buffer.from(one.bytes);
      bytes.write(characterSet, bytes.indexOf('ISO_IR 100'), 'latin1');
      return withFileSet([{ ...one, bytes }], (folder) => {
        const text = Buffer.from(dump(join(folder, 'DICOMDIR'), ['+U8']), 'latin1').toString('utf8');
        return /\(0010,0010\) PN \[([^\]]*)\]/.exec(text)?.[1] ?? '';
      });
    };
    const utf8 = Buffer.from(inventedPatient.name, 'utf8').toString('latin1');
    expect(readBack(inventedPatient.name, 'ISO_IR 100')).toBe(inventedPatient.name);
    expect(readBack(utf8, 'ISO_IR 192')).toBe(inventedPatient.name);
    // Said to be UTF-8, and is not: strict readers must still read all the others.
    expect(readBack(inventedPatient.name, 'ISO_IR 192')).toBe('EXEMPL?^Am?lie');
  });

  it.each(encodingNames)('are the same from a file in %s', (encoding) => {
    // CT, SR, PR, KO.
    for (const { bytes, sopClassUid } of [0, 4, 5, 8].flatMap((at) => mixed[at] ?? [])) {
      const { transferSyntaxUid: _ours, ...expected } = recordOf(bytes, sopClassUid);
      const { transferSyntaxUid: _theirs, ...read } = recordOf(encodeAs(encoding, bytes), sopClassUid);
      expect(read).toEqual(expected);
    }
  });

  it('are the same from a deflated file, whose syntax the record tells', () => {
    const [{ bytes, sopClassUid } = { bytes: Buffer.alloc(0), sopClassUid: '' }] = mixed;
    const deflated = dcmtkConvert('dcmconv', ['+td'], bytes);
    expect(recordOf(deflated, sopClassUid).keys).toEqual(recordOf(bytes, sopClassUid).keys);
  });

  it('of type 1 are made up where the file has none: the directory stays valid', () => {
    const study = inventedStudy(1, {
      studyDate: '',
      studyTime: 'soon',
      studyId: '',
      patient: { id: '', name: '', birthDate: '', sex: '' },
    });
    const series = { ...inventedSeries(study, 1, ''), seriesNumber: Number.NaN };
    const object = {
      sopClassUid: '1.2.840.10008.5.1.4.1.1.88.11',
      sopInstanceUid: '1.2.250.1.999999.8.1',
      instanceNumber: Number.NaN,
    };
    const bare = inventInstance(study, series, object, []);
    withFileSet([bare], (folder) => {
      const text = dump(join(folder, 'DICOMDIR'));
      for (const line of [
        '(0010,0020) LO [199017512345657]',
        '(0008,0020) DA [19000101]',
        '(0008,0030) TM [000000]',
        '(0020,0010) SH [1]',
        '(0008,0060) CS [OT]',
        '(0020,0011) IS [1]',
        '(0020,0013) IS [1]',
        '(0040,a491) CS [PARTIAL]',
        '(0040,a493) CS [UNVERIFIED]',
        '(0008,0100) SH [UNKNOWN]',
      ]) {
        expect(text).toContain(line);
      }
      const findings = spawnSync('dciodvfy', [join(folder, 'DICOMDIR')], { encoding: 'latin1' });
      expect((findings.stdout + findings.stderr).split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
    });
  });

  it('of an object outside the standard classes are a private record with its UID', () => {
    const study = inventedStudy();
    const object = { sopClassUid: '1.2.250.1.999999.5', sopInstanceUid: '1.2.250.1.999999.8.2', instanceNumber: 3 };
    const own = inventInstance(study, inventedSeries(study, 1, 'OT'), object, []);
    withFileSet([own], (folder) => {
      const text = dump(join(folder, 'DICOMDIR'));
      expect(text).toContain('(0004,1430) CS [PRIVATE]');
      expect(text).toMatch(/\(0004,1432\) UI \[2\.25\.\d+\]/);
    });
  });
});

describe('what is copied out of the archive folder', () => {
  it('is found by dcmmkdir under the very file ids', () => {
    withFileSet(mixed, (folder) => {
      cpSync(join(folder, 'DICOM'), join(folder, 'COPY', 'DICOM'), { recursive: true });
      const ids = parseDump(dump(join(folder, 'DICOMDIR')))
        .records.flatMap(({ lines }) => lines)
        .flatMap((line) => /^\(0004,1500\) CS \[([^\]]+)\]/.exec(line)?.[1] ?? []);
      expect(ids.length).toBe(mixed.length);
      for (const id of ids) {
        expect(
          readFileSync(join(folder, 'COPY', ...id.split('\\')))
            .subarray(128, 132)
            .toString(),
        ).toBe('DICM');
      }
    });
  });
});
