/** Slices per second in and out of each transfer syntax: 512², 12 bits of 16; one thread, then all threads. */
import { availableParallelism } from 'node:os';
import {
  createTranscoder,
  type FrameCodecs,
  loadFrameCodecs,
  renditionOptions,
} from '../../plugin/renditions/index.ts';
import { transferSyntaxes } from '../../plugin/standards/index.ts';
import { imageOf, type InventedImage, inventedFile, inventedSamples } from '../../test/fixtures/renditions/images.ts';
import { type BenchSettings, type Figure, judge } from './figures.ts';

const slice: InventedImage = { rows: 512, columns: 512, bitsStored: 12 };
const perSecond = (value: number): string => `${value.toFixed(value < 30 ? 1 : 0)}/s`;

/** As the project wants them of each core, whole files. */
const targets = [
  { name: 'JPEG-LS', uid: transferSyntaxes.jpegLsLossless, atLeast: 60 },
  { name: 'JPEG lossless SV1', uid: transferSyntaxes.jpegLosslessSv1, atLeast: 60 },
  { name: 'JPEG 2000', uid: transferSyntaxes.jpeg2000Lossless, atLeast: 15 },
] as const;

const rateOf = (forMs: number, work: () => unknown): number => {
  for (let warmUp = 0; warmUp < 3; warmUp += 1) work();
  const from = performance.now();
  let count = 0;
  for (; performance.now() - from < forMs; count += 1) work();
  return (count * 1000) / (performance.now() - from);
};

const measureCodecs = (codecs: FrameCodecs, forMs: number): readonly Figure[] => {
  const image = imageOf(slice);
  const samples = inventedSamples(slice);
  return targets.flatMap(({ name, uid }) => {
    const encoded = codecs.encode(samples, image, uid);
    return [
      judge(
        `${name}: frames encoded`,
        rateOf(forMs, () => codecs.encode(samples, image, uid)),
        perSecond,
      ),
      judge(
        `${name}: frames decoded`,
        rateOf(forMs, () => codecs.decode(encoded, image, uid)),
        perSecond,
      ),
    ];
  });
};

/** Whole files through the threads, as WADO-RS asks for them. */
const rateOfThreads = async (threads: number, to: string, count: number): Promise<number> => {
  const file = inventedFile(slice);
  const transcoder = createTranscoder({ ...renditionOptions.parse({}), threads });
  const renderAll = async (files: number): Promise<void> => {
    const outcomes = await Promise.all(
      Array.from({ length: files }, () =>
        transcoder.render({ byteLength: file.length, load: () => Promise.resolve(Buffer.from(file)), to }),
      ),
    );
    const failed = outcomes.find(({ kind }) => kind !== 'made');
    if (failed !== undefined) throw new Error(`not made: ${JSON.stringify(failed)}`);
  };
  try {
    await renderAll(threads * 4);
    const from = performance.now();
    await renderAll(count);
    return (count * 1000) / (performance.now() - from);
  } finally {
    await transcoder.close();
  }
};

export const measureRenditions = async ({ isQuick }: BenchSettings): Promise<readonly Figure[]> => {
  const figures = [...measureCodecs(await loadFrameCodecs(), isQuick ? 300 : 2000)];
  const cores = availableParallelism();
  for (const { name, uid, atLeast } of targets) {
    const count = Math.round(atLeast * (isQuick ? 0.5 : 4));
    const one = await rateOfThreads(1, uid, count);
    figures.push(judge(`${name}: slices made, 1 thread`, one, perSecond, { atLeast }));
    const all = await rateOfThreads(cores, uid, count * cores);
    figures.push(judge(`${name}: slices made, ${cores} threads`, all, perSecond, { atLeast: atLeast * cores }));
  }
  return figures;
};
