/**
 * The whole answer: in which form and which syntax each part leaves, which parts cannot, and what a refusal tells.
 *
 * @see PS3.18 §8.6.1, §8.7.8, §10.4.3 (200, 206, 406) · RFC 9110 §15.5.7 · RFC 7234 §5.5 (Warning)
 */
import { DrimboxError } from '../errors.ts';
import { isLosslessSyntax, type TransferSyntaxUid } from '../standards/index.ts';
import { PayloadForm } from './acceptable-syntaxes.ts';
import type { Accept } from './accept-header.ts';
import type { RetrieveLevel } from './retrieve-request.ts';
import { chooseRanked, listAvailable, type NegotiablePart, rankSyntaxes, type SyntaxChoice } from './syntax-choice.ts';

export type ServedChoice = Exclude<SyntaxChoice, { kind: 'unacceptable' }>;

export interface ChosenPart<Part extends NegotiablePart> {
  readonly part: Part;
  readonly choice: ServedChoice;
}

export type AnswerPlan<Part extends NegotiablePart> =
  /** 200: every part can be sent, in the order they were given. */
  | { readonly kind: 'complete'; readonly form: PayloadForm; readonly chosen: readonly ChosenPart<Part>[] }
  /** 206 with a Warning: `left` cannot be sent in anything accepted. */
  | {
      readonly kind: 'partial';
      readonly form: PayloadForm;
      readonly chosen: readonly ChosenPart<Part>[];
      readonly left: readonly Part[];
    }
  /** 406: `available` are the media types that at least one part can be sent in, best first. */
  | { readonly kind: 'unacceptable'; readonly code: 'wado/not-acceptable'; readonly available: readonly string[] };

interface PlannedForm<Part extends NegotiablePart> {
  readonly form: PayloadForm;
  readonly chosen: readonly ChosenPart<Part>[];
  readonly left: readonly Part[];
  /** Of the first part that can be sent; compares the forms of a single instance. */
  readonly weight: number;
}

const planForm = <Part extends NegotiablePart>(
  accept: Accept,
  form: PayloadForm,
  parts: readonly Part[],
): PlannedForm<Part> => {
  const ranking = rankSyntaxes(accept, form);
  const chosen: ChosenPart<Part>[] = [];
  const left: Part[] = [];
  let best = 0;
  for (const part of parts) {
    const { choice, weight } = chooseRanked(ranking, part);
    if (choice.kind === 'unacceptable') left.push(part);
    else chosen.push({ part, choice });
    best = Math.max(best, weight);
  }
  return { form, chosen, left, weight: best };
};

const isLosslessPlan = ({ chosen }: PlannedForm<NegotiablePart>): boolean =>
  chosen.every(({ choice }) => choice.kind === 'as-stored' || isLosslessSyntax(choice.transferSyntax));

/** Of one instance: the form of the higher weight; at equal weight the one without a lossy rendition (E8), then multipart. */
const isBetterAlone = (alone: PlannedForm<NegotiablePart>, multipart: PlannedForm<NegotiablePart>): boolean => {
  if (alone.chosen.length === 0 || alone.weight < multipart.weight) return false;
  return alone.weight > multipart.weight || (isLosslessPlan(alone) && !isLosslessPlan(multipart));
};

const multipartType = (uid: TransferSyntaxUid): string =>
  `multipart/related; type="application/dicom"; transfer-syntax=${uid}`;
const singleType = (uid: TransferSyntaxUid): string => `application/dicom; transfer-syntax=${uid}`;

const listMediaTypes = (level: RetrieveLevel, parts: readonly NegotiablePart[]): string[] => {
  const syntaxes = [...new Set(parts.flatMap(listAvailable))];
  return [...syntaxes.map(multipartType), ...(level === 'instance' ? syntaxes.map(singleType) : [])];
};

/**
 * @param level  only one instance may travel outside multipart/related
 * @param parts  at least one, in the order they are to be sent
 * @throws general/internal  no part: the caller answers 404 or 410 before negotiating
 */
export const chooseForAnswer = <Part extends NegotiablePart>(
  accept: Accept,
  level: RetrieveLevel,
  parts: readonly Part[],
): AnswerPlan<Part> => {
  if (parts.length === 0) throw new DrimboxError('general/internal', { detail: 'no part to negotiate' });
  const multipart = planForm(accept, PayloadForm.multipart, parts);
  const alone = level === 'instance' && parts.length === 1 ? planForm(accept, PayloadForm.single, parts) : undefined;
  const { form, chosen, left } = alone !== undefined && isBetterAlone(alone, multipart) ? alone : multipart;
  if (chosen.length === 0) {
    return { kind: 'unacceptable', code: 'wado/not-acceptable', available: listMediaTypes(level, parts) };
  }
  return left.length === 0 ? { kind: 'complete', form, chosen } : { kind: 'partial', form, chosen, left };
};

export type MetadataPlan =
  | { readonly kind: 'json'; readonly contentType: 'application/dicom+json' | 'application/json' }
  | { readonly kind: 'unacceptable'; readonly code: 'wado/not-acceptable'; readonly available: readonly string[] };

const dicomJson = 'application/dicom+json';

const jsonWeight = (accept: Accept, names: readonly string[]): number => {
  for (const name of names) {
    const weights = accept.filter(({ mediaType }) => mediaType === name).map(({ weight }) => weight);
    if (weights.length > 0) return weights.includes(0) ? 0 : Math.max(...weights);
  }
  return 0;
};

/**
 * `…/metadata`: DICOM JSON only. The XML of PS3.19 (`multipart/related; type="application/dicom+xml"`) is not made.
 * `application/json` is answered in kind: it is the same text, and older clients ask for it.
 */
export const chooseMetadataType = (accept: Accept): MetadataPlan => {
  const asDicom = jsonWeight(accept, [dicomJson, 'application/*', '*/*']);
  const asPlain = jsonWeight(accept, ['application/json']);
  if (asDicom === 0 && asPlain === 0)
    return { kind: 'unacceptable', code: 'wado/not-acceptable', available: [dicomJson] };
  return { kind: 'json', contentType: asPlain > asDicom ? 'application/json' : dicomJson };
};

/** Body of a 406: one media type a line, for a program or the log of the requester. `text/plain`, ASCII. */
export const buildNotAcceptableBody = (available: readonly string[]): string =>
  ['Not acceptable. Available media types:', ...available, ''].join('\r\n');

/**
 * Field value of `Warning` for a 206.
 *
 * @param missing  parts that are not in the answer; `total` those that were asked for
 */
export const buildPartialWarning = (missing: number, total: number): string =>
  `299 - "${missing} of ${total} instances are not in this answer"`;
