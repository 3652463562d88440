/**
 * Shapes of Orthanc's answers: only what is used, checked where it enters.
 *
 * @see Orthanc Book, "REST API"; tried on 1.10.1 and 1.12.7
 */
import { z } from 'zod';

const orthancId = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/);
/** DICOM keyword → value. An absent tag has no key; an empty one has ''. */
const tags = z.record(z.string(), z.string());
/** Some counts are numbers, disk sizes and older counts are strings. */
const count = z.coerce.number().int().nonnegative();

export const systemAnswer = z.object({
  Version: z.string(),
  ApiVersion: z.int(),
  Name: z.string().default(''),
  DicomAet: z.string(),
  DatabaseVersion: z.int(),
  DatabaseBackendPlugin: z.string().nullish(),
  StorageAreaPlugin: z.string().nullish(),
  /** From 1.11.1: names this Orthanc server within its database. */
  DatabaseServerIdentifier: z.string().optional(),
  /** From 1.12.5, and true only with an index that has it. */
  Capabilities: z.object({ HasExtendedFind: z.boolean().default(false) }).default({ HasExtendedFind: false }),
});

export const statisticsAnswer = z.object({
  CountPatients: count,
  CountStudies: count,
  CountSeries: count,
  CountInstances: count,
});

export const studyAnswer = z.object({
  Type: z.literal('Study'),
  ID: orthancId,
  LastUpdate: z.string().default(''),
  MainDicomTags: tags,
  PatientMainDicomTags: tags,
  Series: z.array(orthancId),
});
export type StudyAnswer = z.infer<typeof studyAnswer>;

export const seriesAnswer = z.object({
  Type: z.literal('Series'),
  ID: orthancId,
  ParentStudy: orthancId,
  MainDicomTags: tags,
  Instances: z.array(orthancId),
});
export type SeriesAnswer = z.infer<typeof seriesAnswer>;

export const instanceAnswer = z.object({
  Type: z.literal('Instance'),
  ID: orthancId,
  ParentSeries: orthancId,
  MainDicomTags: tags,
  Metadata: z.object({ SopClassUid: z.string().optional(), TransferSyntax: z.string().optional() }),
  /** Uncompressed, even where the storage is compressed. */
  FileSize: z.coerce.number().int().nonnegative().optional(),
  /** Name of the stored file. It reaches a path: nothing but this form may. */
  FileUuid: z
    .string()
    .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    .optional()
    .catch(undefined),
});
export type InstanceAnswer = z.infer<typeof instanceAnswer>;

export const changesAnswer = z.object({ Last: z.int().nonnegative() });

/** `GET /drimbox-hook`, answered by the hook itself; without `database` while it cannot read its mark there. */
export const hookAnswer = z.object({ hook: z.int(), database: z.string().min(1).max(64).nullish() });

export const orthancIds = z.array(orthancId);

/**
 * `GET /instances/{id}/tags?short`: `gggg,eeee` in small letters → text, null (too long, binary) or items of a sequence.
 */
export type TagTree = { readonly [tag: string]: string | null | readonly TagTree[] };
export const tagTree: z.ZodType<TagTree> = z.record(
  z.string(),
  z.union([z.string(), z.null(), z.array(z.lazy(() => tagTree))]),
);
