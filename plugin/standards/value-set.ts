/** A published list of codes, in the order of its publication. */
import type { CodedConcept } from './people.ts';

export type ValueSet = readonly CodedConcept[];

/** @param code compared exactly: value sets are case-sensitive */
export const findConcept = (valueSet: ValueSet, code: string): CodedConcept | undefined =>
  valueSet.find((concept) => concept.code === code);
