/** CDA coded values (`CD`, `CE`). */
import type { CodedConcept } from '../standards/index.ts';
import { attribute, type CdaElement } from './cda-element.ts';

/** Code as sent; undefined without a code or without its code system. */
export const conceptOf = (at: CdaElement): CodedConcept | undefined => {
  const code = attribute(at, 'code');
  const codeSystem = attribute(at, 'codeSystem');
  if (code === undefined || codeSystem === undefined) return undefined;
  return { code, codeSystem, displayName: attribute(at, 'displayName') ?? '' };
};

/** Each code once, in order. */
export const distinctConcepts = (concepts: readonly CodedConcept[]): readonly CodedConcept[] => [
  ...new Map(concepts.map((concept) => [`${concept.codeSystem} ${concept.code}`, concept])).values(),
];
