/** Everything that stands behind the images: made when each of them is decided, always the same then. */
import { crc32 } from 'node:zlib';
import { buildDicomdir } from '../dicomdir/dicomdir.ts';
import type { ArchivePlan } from './archive-plan.ts';
import { dicomdirPath, dicomFolder, imagePath, readmePath } from './file-paths.ts';
import type { Outcome } from './image-entry.ts';
import { buildReadme } from './readme.ts';
import { buildCentralHeader, buildEnd, buildLocalHeader, type EntryContent } from '../../zip-records.ts';

export const folderContent: EntryContent = { name: dicomFolder, bytes: 0, crc32: 0 };

const contentOf = (name: string, bytes: Buffer): EntryContent => ({ name, bytes: bytes.length, crc32: crc32(bytes) });

const dicomdirOf = (archive: ArchivePlan, outcomes: readonly Outcome[]): Buffer => {
  const series = archive
    .bySeries(({ series: number, place, sopClassUid }, index) => {
      const outcome = outcomes[index];
      return outcome?.kind === 'kept'
        ? { path: imagePath(number, place), sopClassUid, record: outcome.record }
        : undefined;
    })
    .map((files) => files.filter((file) => file !== undefined));
  return buildDicomdir({ ...archive.stamp, series }, archive.dicomdirBytes);
};

const readmeOf = ({ stamp, content }: ArchivePlan, outcomes: readonly Outcome[]): Buffer =>
  buildReadme({
    ...stamp,
    series: content.series,
    leftOut: content.images.flatMap(({ series, place }, index) => {
      const outcome = outcomes[index];
      return outcome?.kind === 'left-out' ? [{ series, image: place, code: outcome.code }] : [];
    }),
    missing: content.missing,
    deflated: outcomes.filter((outcome) => outcome.kind === 'kept' && outcome.isDeflated).length,
  });

/**
 * DICOMDIR, LISEZ-MOI.txt, central directory and end.
 *
 * @param outcomes  of every image
 */
export const buildTail = (archive: ArchivePlan, outcomes: readonly Outcome[]): Buffer => {
  const dicomdir = dicomdirOf(archive, outcomes);
  const readme = readmeOf(archive, outcomes);
  const contents = [
    folderContent,
    ...outcomes.map((outcome, index) => archive.imageContent(index, outcome)),
    contentOf(dicomdirPath, dicomdir),
    contentOf(readmePath, readme),
  ];
  const { layout, stamp, dicomdirRoom, readmeRoom } = archive;
  const local = (room: number): Buffer =>
    buildLocalHeader(archive.room(room), contents[room] as EntryContent, stamp.madeAtUtcMs);
  const directory = contents.map((content, room) =>
    buildCentralHeader(archive.room(room), archive.startOf(room), content, stamp.madeAtUtcMs),
  );
  return Buffer.concat([
    local(dicomdirRoom),
    dicomdir,
    local(readmeRoom),
    readme,
    ...directory,
    buildEnd(layout.central),
  ]);
};
