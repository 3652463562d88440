/** Which file stands where in the archive: known before any of them is read. */
import { foreseeDicomdirBytes } from '../dicomdir/dicomdir.ts';
import { dicomdirPath, dicomFolder, imagePath, leftOutPath, readmePath } from './file-paths.ts';
import type { Outcome, PlannedImage } from './image-entry.ts';
import type { ImagePlan } from './image-planning.ts';
import { maxReadmeBytes } from './readme.ts';
import { planZip, type ZipLayout } from './zip-layout.ts';
import type { EntryContent, EntryRoom } from '../../zip-records.ts';

export interface ArchiveStamp {
  readonly fileSetUid: string;
  readonly implementationClassUid: string;
  readonly madeAtUtcMs: number;
  /** IANA name. */
  readonly timeZone: string;
  readonly isWholeStudy: boolean;
}

/** More than the INS can take: about 170 bytes, measured. */
const maxAddedBytes = 512;
/** After the folder. */
const firstImageRoom = 1;

const roomsOf = ({ images }: ImagePlan, dicomdirBytes: number): readonly EntryRoom[] => [
  { name: dicomFolder, maxBytes: 0, slackBytes: 0 },
  ...images.map(({ series, place, sizeBytes }) => ({
    name: imagePath(series, place),
    maxBytes: sizeBytes + maxAddedBytes,
    slackBytes: maxAddedBytes,
  })),
  { name: dicomdirPath, maxBytes: dicomdirBytes, slackBytes: 0 },
  { name: readmePath, maxBytes: maxReadmeBytes, slackBytes: maxReadmeBytes },
];

export class ArchivePlan {
  readonly stamp: ArchiveStamp;
  readonly content: ImagePlan;
  readonly layout: ZipLayout;
  readonly dicomdirBytes: number;

  constructor(content: ImagePlan, stamp: ArchiveStamp) {
    this.content = content;
    this.stamp = stamp;
    this.dicomdirBytes = foreseeDicomdirBytes(
      this.bySeries(({ series, place, sopClassUid, sizeBytes }) => ({
        path: imagePath(series, place),
        sopClassUid,
        storedBytes: sizeBytes,
      })),
      stamp,
    );
    this.layout = planZip(roomsOf(content, this.dicomdirBytes));
  }

  get images(): readonly PlannedImage[] {
    return this.content.images;
  }

  get dicomdirRoom(): number {
    return firstImageRoom + this.images.length;
  }

  get readmeRoom(): number {
    return this.dicomdirRoom + 1;
  }

  imageRoom(index: number): number {
    return firstImageRoom + index;
  }

  room(room: number): EntryRoom {
    return this.layout.rooms[room] as EntryRoom;
  }

  /** First byte of a room; of the one after the last, that of the central directory. */
  startOf(room: number): number {
    return this.layout.starts[room] ?? this.layout.central.start;
  }

  /** What each image gives, by series in order. */
  bySeries<T>(give: (image: PlannedImage, index: number) => T): readonly (readonly T[])[] {
    const series: T[][] = this.content.series.map(() => []);
    for (const [index, image] of this.images.entries()) series[image.series]?.push(give(image, index));
    return series;
  }

  /** The entry of an image, once it is decided. */
  imageContent(index: number, { kind, bytes, crc32 }: Outcome): EntryContent {
    const { series, place } = this.images[index] as PlannedImage;
    return { name: kind === 'kept' ? imagePath(series, place) : leftOutPath(series, place), bytes, crc32 };
  }

  /** Images of which a part stands between these bytes. */
  imagesWithin(start: number, end: number): readonly number[] {
    return this.images.flatMap((_, index) => {
      const room = this.imageRoom(index);
      return this.startOf(room) < end && this.startOf(room + 1) > start ? [index] : [];
    });
  }

  /** How many images have their last byte before that position. */
  imagesBefore(position: number): number {
    let low = 0;
    let high = this.images.length;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.startOf(this.imageRoom(middle)) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
