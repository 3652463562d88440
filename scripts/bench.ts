/** Measures what the site waits for: acknowledgments, publications, manifests, memory. Started by `scripts/bench`. */
import { parseArgs } from 'node:util';
import { isOrthancHere, type OrthancVersion } from '../test/peers/orthanc/index.ts';
import { measureAcknowledgments } from './benchmarks/acknowledgments.ts';
import { measureComparison } from './benchmarks/comparison.ts';
import { measureExaminationZip } from './benchmarks/examination-zip.ts';
import { printFigures, type Figure } from './benchmarks/figures.ts';
import { measureImages } from './benchmarks/images.ts';
import { measureManifests } from './benchmarks/manifests.ts';
import { measurePublications } from './benchmarks/publications.ts';
import { measureRenditions } from './benchmarks/renditions.ts';
import { measureUpdates } from './benchmarks/updates.ts';
import { measureViewer } from './benchmarks/viewer.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    orthanc: { type: 'string', default: '1.10' },
  },
});

const parts = {
  acknowledgments: measureAcknowledgments,
  publications: measurePublications,
  updates: measureUpdates,
  manifests: measureManifests,
  comparison: measureComparison,
  renditions: measureRenditions,
  images: measureImages,
  download: measureExaminationZip,
  viewer: measureViewer,
};
type Part = keyof typeof parts;

const isPart = (text: string): text is Part => Object.hasOwn(parts, text);

const chosenParts = (): readonly Part[] => {
  if (values.only === undefined) return Object.keys(parts).filter(isPart);
  if (!isPart(values.only)) throw new Error(`--only knows ${Object.keys(parts).join(', ')}`);
  return [values.only];
};

const chosenOrthanc = (): OrthancVersion => {
  if (values.orthanc !== '1.10' && values.orthanc !== '1.12') throw new Error('--orthanc knows 1.10 and 1.12');
  if (!isOrthancHere(values.orthanc)) throw new Error(`Orthanc ${values.orthanc} is not here: run scripts/setup`);
  return values.orthanc;
};

const from = performance.now();
const figures: Figure[] = [];
const settings = { isQuick: values.quick, orthanc: chosenOrthanc() };
for (const part of chosenParts()) {
  console.log(`bench: ${part} …`);
  figures.push(...(await parts[part](settings)));
}
printFigures(figures);
console.log(`bench: done in ${Math.round((performance.now() - from) / 1000)} s, on Orthanc ${settings.orthanc}`);
// Connections of the peers may linger; everything is stopped.
process.exit(0);
