/**
 * What this room needs of the PACS and of the workshop that makes other transfer syntaxes. `orthanc` and `renditions` are
 * behind it.
 */
import type { DicomFileOutline } from '../dicom-file/index.ts';
import type { LentMemory } from '../lent-memory.ts';
import type { StudyInstanceUid, TransferSyntaxUid } from '../standards/index.ts';
import type { WantedInstance } from './possession.ts';

/** One object that the manifest names and the PACS has: its file was not opened. */
export interface StoredImage {
  readonly orthancId: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly modality: string;
  /** Number of the object in its series; absent when it has none. */
  readonly instanceNumber?: number;
}

/** The stored file of one object. */
export interface ImageFile {
  readonly sizeBytes: number;
  /** Another value when the stored file is another one. */
  readonly revision: string;
  /** As the index of the PACS has it; absent where it does not say. */
  readonly transferSyntaxUid?: string;
  /** The whole file, where it was read as it was opened: good until `close`, or until it is given back where it is kept. */
  readonly whole?: {
    readonly bytes: Buffer;
    /** From now on it is not `close` that gives the memory back, but the caller. */
    keep(): LentMemory;
  };
  /** The first bytes; fewer when the file is shorter. @throws orthanc/* */
  readPrefix(bytes: number): Promise<Buffer>;
  /** @throws orthanc/* */
  readAll(): Promise<Buffer>;
  /** In pieces, to be given back. @param range  `end` is one past the last byte @throws orthanc/* */
  stream(range: { readonly start: number; readonly end: number }, signal: AbortSignal): AsyncIterable<LentMemory>;
  close(): Promise<void>;
}

export type StudyImages =
  /** `pick` gives those of the wanted objects that the PACS has, in the same order. */
  | { readonly kind: 'found'; readonly pick: (wanted: readonly WantedInstance[]) => readonly StoredImage[] }
  | { readonly kind: 'absent' }
  /** More than one study of the PACS has that UID (decision A5). */
  | { readonly kind: 'duplicated' };

export interface ImageStore {
  /** What the PACS has of a study. @throws orthanc/* */
  find(studyInstanceUid: StudyInstanceUid): Promise<StudyImages>;
  /**
   * @param next  images that will be opened after this one
   * @param wholeUpToBytes  a file that is not longer may be read as it is opened: `whole` then has it [0]
   * @throws orthanc/not-found when it is gone; orthanc/*
   */
  open(
    image: StoredImage,
    next: readonly StoredImage[],
    signal: AbortSignal,
    wholeUpToBytes?: number,
  ): Promise<ImageFile>;
}

export interface WantedRendition {
  readonly studyInstanceUid: string;
  readonly sopInstanceUid: string;
  /** Of the stored file. */
  readonly revision: string;
  /** Of the stored file. */
  readonly sizeBytes: number;
  readonly transferSyntax: TransferSyntaxUid;
}

/** Which syntaxes can be made, and the making. */
export interface Workshop {
  canProduce(outline: DicomFileOutline, transferSyntax: TransferSyntaxUid): boolean;
  /** What was made of that very file before; undefined when it was not, or is not whole any more. */
  findMade(wanted: WantedRendition): Promise<Buffer | undefined>;
  /**
   * @param readSource  gives the stored file, in memory of its own; not called when it was made before
   * @throws renditions/*: this one cannot be made
   */
  produce(wanted: WantedRendition, readSource: () => Promise<Buffer>, signal: AbortSignal): Promise<Buffer>;
}
