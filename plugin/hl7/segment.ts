import type { Hl7Segment } from '@medplum/core';
import type { Unescape } from './escapes.ts';
import type { Separators } from './separators.ts';

/** One repetition of a field. Components and subcomponents count from 1, as the standard does. */
export interface Repetition {
  /** Unescaped and trimmed; empty when absent or when the sender wrote HL7's null (`""`). */
  value(component: number, subcomponent?: number): string;
}

/** One segment. Fields count from 1. */
export interface Segment {
  readonly name: string;
  /** Among the segments of that name, from 1. */
  readonly sequence: number;
  /** In the message, from 0. */
  readonly position: number;
  /** All repetitions that are not empty. */
  repetitions(field: number): readonly Repetition[];
  /** Of the first repetition. */
  value(field: number, component?: number, subcomponent?: number): string;
  /** `OBX^2^5`, as ERR-2 wants it. */
  location(field: number): string;
}

const nullValue = '""';

/** How the text of one message is read. */
export interface SegmentReading {
  readonly separators: Separators;
  readonly unescape: Unescape;
}

/** Wraps a tokenised segment: absent means empty, escapes are read, whole-field access knows MSH's odd counting. */
export const createSegment = (
  tokens: Hl7Segment,
  place: { readonly sequence: number; readonly position: number },
  reading: SegmentReading,
): Segment => {
  const text = (raw: string): string => (raw === nullValue ? '' : reading.unescape(raw).trim());

  const createRepetition = (components: readonly string[]): Repetition => ({
    value(component, subcomponent = 1) {
      const raw = components[component - 1] ?? '';
      const cut = raw.includes(reading.separators.subcomponent)
        ? raw.split(reading.separators.subcomponent)[subcomponent - 1]
        : subcomponent === 1
          ? raw
          : '';
      return text(cut ?? '');
    },
  });

  const repetitions = (field: number): readonly Repetition[] =>
    (tokens.getField(field)?.components ?? [])
      .filter((components) => components.some((component) => component !== ''))
      .map(createRepetition);

  return {
    name: tokens.name,
    ...place,
    repetitions,
    value: (field, component = 1, subcomponent = 1) => repetitions(field)[0]?.value(component, subcomponent) ?? '',
    location: (field) => `${tokens.name}^${place.sequence}^${field}`,
  };
};
