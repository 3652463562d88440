/**
 * How OHIF starts: what it shows is read from the frame (viewer/ohif/boot.js), not from its address; and a first series that
 * stands for itself is shown before any other series is asked for.
 */
import type { Patch } from './patch.ts';

export const startPatches: readonly Patch[] = [
  {
    reason: 'no address names a study: the server would be told it by a person who loads the frame again',
    find: /const queryStudyInstanceUIDs = src\/\* \.utils\.splitComma \*\/\.Wp\.splitComma\([^;]*\);/g,
    replace: 'const queryStudyInstanceUIDs = window.drimboxExamination.studies;',
    count: 1,
  },
  {
    reason: 'nor a series: which to begin with, read when a layout begins and when it chooses',
    find: /const initialSeriesInstanceUID = [^;\n]*\('initialseriesinstanceuid', params\);/g,
    replace: 'const initialSeriesInstanceUID = window.drimboxExamination.first && [window.drimboxExamination.first];',
    count: 2,
  },
  {
    reason: 'with a named series OHIF waits for the descriptions of all series of all studies before the first image',
    find: /(?<=if \(displaySetFromUrl\) \{\s*)const requiredSeriesPromises = retrieveSeriesMetadataPromise\.map\(promise => promise\.start\(\)\);/g,
    replace: `const required = retrieveSeriesMetadataPromise.filter(series => !startsAlone || isNamed(series));
        remainingPromises.push(retrieveSeriesMetadataPromise.filter(series => !required.includes(series)));
        const requiredSeriesPromises = required.map(promise => promise.start());`,
    count: 1,
  },
  {
    reason:
      'the other series are asked for after the first image; where the named one fails, the first of them is shown',
    find: /function startRemainingPromises\(remainingPromises\) \{\s*remainingPromises\.forEach\(p => p\.forEach\(p => p\.start\(\)\)\);\s*\}/g,
    replace: `const isNamed = series => initialSeriesInstanceUID?.includes(series.metadata.SeriesInstanceUID);
    const startsAlone = window.drimboxExamination.isFirstAlone &&
      promises.some(({ value }) => Array.isArray(value) && value.some(isNamed));
    async function startRemainingPromises(remainingPromises) {
      if (startsAlone) await window.drimboxExamination.firstImage;
      const started = remainingPromises.flat().map(series => series.start());
      const ended = Promise.allSettled(started);
      if (startsAlone && displaySetService.getActiveDisplaySets().length === 0) {
        await Promise.any(started).then(applyHangingProtocol, () => undefined);
      }
      await ended;
    }`,
    count: 1,
  },
];
