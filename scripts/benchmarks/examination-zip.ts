/**
 * Download of a large examination: how soon the first byte leaves, how long the whole takes, how much memory it holds.
 *
 * Beside the archive whose length follows from the index of the PACS stands what was not taken: reading the head of every file
 * before the first byte, so that each length is known exactly.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readOutline } from '../../plugin/dicom-file/index.ts';
import { createMemoryLender, type LentMemory, type MemoryLender } from '../../plugin/lent-memory.ts';
import { createStoredFiles, type FilePlace, orthancIdOfInstance } from '../../plugin/orthanc/index.ts';
import { parseInsIdentifier, parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { createExaminationZip, type ExaminationZipPorts } from '../../plugin/viewer-access/index.ts';
import type { StoredImage } from '../../plugin/wado/index.ts';
import {
  buildCtInstance,
  imageClasses,
  inventedPatient,
  inventedSeries,
  inventedStudy,
} from '../../test/fixtures/dicom/index.ts';
import { type BenchSettings, type Figure, judge, median, milliseconds } from './figures.ts';
import { mebibytes, residentMebibytes } from './process-figures.ts';

const { otherIds: _others, ...patient } = inventedPatient;
const study = inventedStudy(1, { patient });
const series = inventedSeries(study, 1, 'CT');

interface OnDisk {
  readonly images: readonly StoredImage[];
  readonly places: ReadonlyMap<string, FilePlace>;
  readonly bytes: number;
}

/** As Orthanc's storage folder has them. */
const storeImages = (folder: string, count: number, size: number): OnDisk => {
  const places = new Map<string, FilePlace>();
  const images: StoredImage[] = [];
  let stored = 0;
  for (let number = 1; number <= count; number += 1) {
    const { bytes, sopInstanceUid } = buildCtInstance(study, series, number, size);
    const uuid = `${number.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
    const path = join(folder, uuid.slice(0, 2), uuid.slice(2, 4), uuid);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
    const { seriesInstanceUid, modality } = series;
    const orthancId = orthancIdOfInstance(patient.id, study.studyInstanceUid, seriesInstanceUid, sopInstanceUid);
    places.set(orthancId, { uuid, sizeBytes: bytes.length });
    images.push({ orthancId, seriesInstanceUid, sopInstanceUid, modality, instanceNumber: number });
    stored += bytes.length;
  }
  return { images, places, bytes: stored };
};

const orderOf = ({ images }: OnDisk) => ({
  manifest: {
    studyInstanceUid: parseStudyInstanceUid(study.studyInstanceUid),
    ins: parseInsIdentifier('199017512345657', '1.2.250.1.213.1.4.10'),
    series: new Map([
      [
        series.seriesInstanceUid,
        images.map(({ sopInstanceUid }) => ({ sopInstanceUid, sopClassUid: imageClasses.ct })),
      ],
    ]),
  },
});

const countLent = (lender: MemoryLender) => {
  let lentBytes = 0;
  let highestBytes = 0;
  const lend = (sizeBytes: number): LentMemory => {
    const one = lender.lend(sizeBytes);
    let isLent = true;
    lentBytes += sizeBytes;
    highestBytes = Math.max(highestBytes, lentBytes);
    const giveBack = (): void => {
      if (isLent) lentBytes -= sizeBytes;
      isLent = false;
      one.giveBack();
    };
    return { bytes: one.bytes, giveBack };
  };
  return { lender: { lend }, highest: () => highestBytes };
};

const portsOf = (folder: string, { images, places }: OnDisk, memory: MemoryLender): ExaminationZipPorts => {
  const noRest = () => Promise.reject(new Error('not asked of Orthanc'));
  const index = {
    listFiles: (ids: readonly string[]) =>
      Promise.resolve(
        new Map(ids.flatMap((id) => (places.has(id) ? [[id, places.get(id) as FilePlace] as const] : []))),
      ),
  };
  const client = { listInstances: noRest, downloadFile: noRest };
  const files = createStoredFiles(client, { folder, index, clock: Date.now, memory });
  return {
    images: {
      find: () => Promise.resolve({ kind: 'found', pick: () => images }),
      open: async ({ orthancId }, next, signal, wholeUpToBytes) => {
        const others = next.map((one) => one.orthancId);
        const { uuid, ...file } = await files.open(orthancId, others, signal, wholeUpToBytes);
        return { ...file, revision: uuid };
      },
    },
    files: index,
    clock: Date.now,
    newUid: () => `2.25.${Date.now()}`,
    implementationClassUid: '2.25.1',
  };
};

interface Round {
  readonly firstByteMs: number;
  readonly firstImageMs: number;
  readonly wholeMs: number;
  readonly bytes: number;
}

const download = async (ports: ExaminationZipPorts, stored: OnDisk): Promise<Round> => {
  const { signal } = new AbortController();
  const from = performance.now();
  const zip = await createExaminationZip(orderOf(stored), ports, signal);
  let firstByteMs = Number.NaN;
  let firstImageMs = Number.NaN;
  let bytes = 0;
  for await (const piece of zip.stream({ signal })) {
    if (bytes === 0) firstByteMs = performance.now() - from;
    bytes += piece.bytes.length;
    if (Number.isNaN(firstImageMs) && bytes > 10_000) firstImageMs = performance.now() - from;
    piece.giveBack();
  }
  return { firstByteMs, firstImageMs, wholeMs: performance.now() - from, bytes };
};

/** What was not taken. */
const readHeads = async ({ images }: ExaminationZipPorts, stored: OnDisk): Promise<number> => {
  const { signal } = new AbortController();
  const from = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < stored.images.length; at = next++) {
      const file = await images.open(stored.images[at] as StoredImage, stored.images.slice(at + 1, at + 301), signal);
      readOutline(await file.readPrefix(64 * 1024), { fileLength: file.sizeBytes });
      await file.close();
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return performance.now() - from;
};

/** 2,000 slices of 128 KB; files are in the memory of the machine: a cold disk makes reading ahead slower still. */
export const measureExaminationZip = async ({
  isQuick,
}: Pick<BenchSettings, 'isQuick'>): Promise<readonly Figure[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-zip-'));
  try {
    const count = isQuick ? 200 : 2_000;
    const stored = storeImages(folder, count, 256);
    const { lender, highest } = countLent(createMemoryLender(64 * 2 ** 20));
    const ports = portsOf(folder, stored, lender);
    const before = residentMebibytes(process.pid);
    const rounds: Round[] = [];
    for (let round = 0; round < 3; round += 1) rounds.push(await download(ports, stored));
    const after = residentMebibytes(process.pid);
    const heads = await readHeads(ports, stored);
    const over = (give: (round: Round) => number): number => median(rounds.map(give));
    const about = `${count} images, ${mebibytes(stored.bytes / 2 ** 20)}`;
    return [
      judge(
        `ZIP of ${about}: first byte`,
        over(({ firstByteMs }) => firstByteMs),
        milliseconds,
        { below: 500 },
      ),
      judge(
        'ZIP: first image',
        over(({ firstImageMs }) => firstImageMs),
        milliseconds,
      ),
      judge(
        'ZIP: whole, taken at once',
        over(({ wholeMs }) => wholeMs),
        milliseconds,
      ),
      judge(
        'ZIP: bytes beside the images',
        over(({ bytes }) => bytes - stored.bytes) / 2 ** 20,
        (value) => `${value.toFixed(1)} MB`,
      ),
      judge('ZIP: lent memory at the highest', highest() / 2 ** 20, (value) => `${value.toFixed(1)} MB`, { below: 8 }),
      judge('ZIP: memory of the process, more than before', after - before, mebibytes, { below: 150 }),
      judge('not taken: heads of all files before the first byte', heads, milliseconds),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
