/**
 * Steps 7 to 10 for images: what the PACS has of what the manifest names, in which syntaxes it is accepted, and the delivery.
 *
 * @see facts/spec.md b.5.3 (7–10) · decisions A5, E1, E2, E8
 */
import { DrimboxError } from '../errors.ts';
import { type TransferSyntaxUid, transferSyntaxes } from '../standards/index.ts';
import { PayloadForm } from './acceptable-syntaxes.ts';
import { deliver } from './delivery.ts';
import { followDeparture } from './departure.ts';
import type { ImageStore, StoredImage, Workshop } from './image-store.ts';
import { drawBoundary } from './multipart.ts';
import { buildNotAcceptableBody, chooseForAnswer } from './negotiation.ts';
import { lookAtImage, negotiable, preparePart } from './part-preparation.ts';
import { type GrantedRequest, RefusedError, type Serve } from './retrieve.ts';
import { chooseRanked, type NegotiablePart, rankSyntaxes } from './syntax-choice.ts';

export interface ImageServingPorts {
  readonly images: ImageStore;
  readonly workshop: Workshop;
  /** Monotonic, milliseconds. */
  readonly monotonic: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Parts prepared before their turn. */
  readonly ahead: number;
  /** `https://…/base`, of the manifest. */
  readonly retrieveUrlBase: string;
  /** A peer that takes nothing for so long is left; absent: the connection tells. */
  readonly idleMs?: number;
}

export interface FoundImages {
  /** What the manifest names and the PACS has: series as in the manifest, images by InstanceNumber. */
  readonly images: readonly StoredImage[];
  /** Named, and not in the PACS any more. */
  readonly missing: number;
}

/** Equal numbers, and images without any, stay as the manifest has them. */
const compareNumbers = (a: number, b: number): number => (a === b ? 0 : a - b);

const numberOf = ({ instanceNumber }: StoredImage): number => instanceNumber ?? Number.POSITIVE_INFINITY;

/**
 * @throws wado/images-gone: none is left (E2) · wado/study-duplicated (A5) · orthanc/*
 */
export const findImages = async ({
  study,
  instances,
}: Pick<GrantedRequest, 'study' | 'instances'>): Promise<FoundImages> => {
  const found = await study;
  if (found.kind === 'duplicated') throw new DrimboxError('wado/study-duplicated');
  const seriesOrder = new Map<string, number>();
  for (const { seriesInstanceUid: uid } of instances) if (!seriesOrder.has(uid)) seriesOrder.set(uid, seriesOrder.size);
  const images = (found.kind === 'found' ? found.pick(instances) : []).toSorted(
    (a, b) =>
      (seriesOrder.get(a.seriesInstanceUid) ?? 0) - (seriesOrder.get(b.seriesInstanceUid) ?? 0) ||
      compareNumbers(numberOf(a), numberOf(b)),
  );
  if (images.length === 0) throw new DrimboxError('wado/images-gone');
  return { images, missing: instances.length - images.length };
};

interface Candidate extends NegotiablePart {
  readonly image: StoredImage;
}

/** Images of one series are mostly stored alike: one of them tells for all what can be made. */
const maxSampledSeries = 50;
/** The first may be broken, or an odd one: it then speaks for itself alone, and the next one is looked at. */
const maxSamplesOfSeries = 4;

/** What cannot be looked at now is tried at its turn. */
const unseen: NegotiablePart = {
  storedSyntax: transferSyntaxes.explicitVrLittleEndian,
  isLossyStored: false,
  canProduce: () => true,
};

/** What is known of a series by the images of it that were looked at. */
interface SampledSeries {
  looks: number;
  /** Holds for all that were not looked at themselves. */
  verdict: NegotiablePart;
  isAcceptable: boolean;
}

const lookAtSamples = async (
  images: readonly StoredImage[],
  isAcceptable: (part: NegotiablePart) => boolean,
  ports: ImageServingPorts,
  signal: AbortSignal,
): Promise<readonly Candidate[]> => {
  const sampled = new Map<string, SampledSeries>();
  const own = new Map<StoredImage, NegotiablePart>();
  for (const image of images) {
    const series = sampled.get(image.seriesInstanceUid) ?? { looks: 0, verdict: unseen, isAcceptable: false };
    if (series.isAcceptable || series.looks >= maxSamplesOfSeries) continue;
    if (series.looks === 0 && sampled.size >= maxSampledSeries) continue;
    const looked = await lookAtImage(image, images, ports, signal);
    const verdict = looked === undefined ? unseen : negotiable(looked.outline, looked.storedSyntax, ports.workshop);
    own.set(image, verdict);
    sampled.set(image.seriesInstanceUid, {
      looks: series.looks + 1,
      verdict: looked === undefined ? series.verdict : verdict,
      isAcceptable: looked !== undefined && isAcceptable(verdict),
    });
  }
  return images.map((image) => ({
    ...(own.get(image) ?? sampled.get(image.seriesInstanceUid)?.verdict ?? unseen),
    image,
  }));
};

const locationOf = (base: string, { resource }: GrantedRequest, image: StoredImage): string =>
  `${base.replace(/\/$/, '')}/studies/${resource.studyInstanceUid}/series/${image.seriesInstanceUid}/instances/${image.sopInstanceUid}`;

/** @returns answers with multipart/related, or with the one object where that is preferred */
export const createImageServing =
  (ports: ImageServingPorts): Serve =>
  async (granted, response, beginAudit) => {
    const { resource, headers, manifest, correlationId, startedAtMs } = granted;
    const { images, missing } = await findImages(granted);
    const { signal } = followDeparture(response);
    // The audit is on disk before the first byte leaves; what is read and made meanwhile leaves nothing.
    const audited = beginAudit();
    const ranking = rankSyntaxes(headers.accept, PayloadForm.multipart);
    const isAcceptable = (part: NegotiablePart): boolean => chooseRanked(ranking, part).choice.kind !== 'unacceptable';
    const candidates = await lookAtSamples(images, isAcceptable, ports, signal);
    const plan = chooseForAnswer(headers.accept, resource.level, candidates);
    if (plan.kind === 'unacceptable') {
      throw new RefusedError(plan.code, { body: buildNotAcceptableBody(plan.available) });
    }
    const terms = {
      studyInstanceUid: resource.studyInstanceUid,
      ins: manifest.ins,
      ranking: rankSyntaxes(headers.accept, plan.form),
      planned: new Map(
        plan.chosen.map(({ part, choice }) => [part.image, { ...choice, storedSyntax: part.storedSyntax }]),
      ),
    };
    const delivered = await deliver(
      response,
      {
        images: plan.chosen.map(({ part }) => part.image),
        plannedSyntaxes: plan.chosen.map(({ choice }): TransferSyntaxUid => choice.transferSyntax),
        form: plan.form,
        missing: missing + (plan.kind === 'partial' ? plan.left.length : 0),
        boundary: drawBoundary(ports.randomBytes),
        locationOf: (image) => locationOf(ports.retrieveUrlBase, granted, image),
        headers: { 'Cache-Control': 'no-store', 'X-Correlation-Id': correlationId },
      },
      {
        prepare: (image, next, stop) => preparePart(image, next, terms, ports, stop),
        audited,
        clock: ports.monotonic,
        startedAtMs,
        ahead: ports.ahead,
        ...(ports.idleMs === undefined ? {} : { idleMs: ports.idleMs }),
      },
    );
    const [failure] = delivered.failures;
    return failure === undefined ? delivered : { ...delivered, failure };
  };
