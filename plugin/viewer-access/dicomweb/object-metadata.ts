/**
 * The metadata of one object for the viewer: what it says of itself, with its pixels and large values by reference.
 *
 * References are relative to the series, so that what is kept serves every grant: `instances/I/bulkdata/7FE00010`.
 *
 * @see PS3.18 annex F, §8.7.3.5.2 (BulkDataURI) · PS3.3 C.12.1 (AvailableTransferSyntaxUID)
 */
import { buildMetadata, type JsonAttribute, type JsonDataset } from '../../wado/index.ts';
import type { StoredObject } from './stored-object.ts';
import { findLargeValues } from './value-places.ts';

export interface ViewerAttribute extends JsonAttribute {
  readonly BulkDataURI?: string;
}
export type ViewerDataset = Readonly<Record<string, ViewerAttribute>>;

/** Private binary values beyond this are given by reference: some scanners write tens of kilobytes into each image. */
const maxPrivateBase64 = 1_400;
/** As far as `buildMetadata` writes values inline. */
const maxInlineBytes = 64 * 1024;
const binaryVrs: ReadonlySet<string> = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);

const hexOf = (tag: number): string => tag.toString(16).padStart(8, '0').toUpperCase();

const uriOf = ({ image }: StoredObject, path: readonly number[]): string => {
  const names = path.map((one, place) => (place % 2 === 0 ? hexOf(one) : String(one)));
  return `instances/${image.sopInstanceUid}/bulkdata/${names.join('/')}`;
};

const isPrivate = (tag: string): boolean => Number.parseInt(tag.charAt(3), 16) % 2 === 1;

/** What has to be told by reference instead of inline, at the top level. */
const referencesOfTop = (object: StoredObject, inline: JsonDataset): ReadonlyMap<string, ViewerAttribute> => {
  const references = new Map<string, ViewerAttribute>();
  for (const [tag, place] of object.outline.elements) {
    const name = hexOf(tag);
    const written = inline[name];
    const isLeftOut = written === undefined && (tag & 0xffff) !== 0 && place.end - place.valueOffset > maxInlineBytes;
    const isBulky = isPrivate(name) && (written?.InlineBinary?.length ?? 0) > maxPrivateBase64;
    if ((isLeftOut || isBulky) && !place.isUndefinedLength && !isOfPixels(tag)) {
      references.set(name, { vr: written?.vr ?? (place.vr || 'UN'), BulkDataURI: uriOf(object, [tag]) });
    }
  }
  return references;
};

/** Adds one reference at its place in a sequence that was copied for it. */
const putReference = (dataset: Record<string, unknown>, path: readonly number[], value: ViewerAttribute): void => {
  const [tag = 0, item = 0, ...rest] = path;
  const name = hexOf(tag);
  if (path.length === 1) {
    dataset[name] = value;
    return;
  }
  const sequence = dataset[name] as ViewerAttribute | undefined;
  const items = [...(sequence?.Value ?? [])] as Record<string, unknown>[];
  const copy = { ...items[item - 1] };
  putReference(copy, rest, value);
  items[item - 1] = copy;
  dataset[name] = { vr: 'SQ', Value: items };
};

const addNestedReferences = (object: StoredObject, dataset: Record<string, unknown>): void => {
  const { outline, head } = object;
  for (const [tag, place] of outline.elements) {
    if (place.vr !== 'SQ' || place.end - place.valueOffset <= maxInlineBytes) continue;
    for (const { path, vr } of findLargeValues(outline, head, tag, maxInlineBytes)) {
      if (binaryVrs.has(vr)) putReference(dataset, path, { vr, BulkDataURI: uriOf(object, path) });
    }
  }
};

/** Tables of offsets belong to the pixels, and are as long. */
const isOfPixels = (tag: number): boolean => tag >>> 16 === 0x7fe0;

const pixelGroupOffset = ({ outline }: StoredObject): number => {
  for (const place of outline.elements.values()) if (isOfPixels(place.tag)) return place.start;
  return outline.scanEnd;
};

/**
 * @throws wado/metadata-unreadable
 */
export const buildObjectMetadata = (object: StoredObject): ViewerDataset => {
  const { outline, head, transferSyntax } = object;
  const inline = buildMetadata(head.subarray(0, pixelGroupOffset(object)), outline);
  const dataset: Record<string, unknown> = { ...inline };
  for (const [name, reference] of referencesOfTop(object, inline)) dataset[name] = reference;
  addNestedReferences(object, dataset);
  dataset['00083002'] = { vr: 'UI', Value: [transferSyntax] };
  if (outline.pixel !== undefined) {
    const { tag, vr } = outline.pixel;
    dataset[hexOf(tag)] = { vr: vr || 'OW', BulkDataURI: uriOf(object, [tag]) };
  }
  return dataset as ViewerDataset;
};
