/**
 * Of which series the images are that a person sees: what OHIF tells, not what was asked for. A series that was chosen and is
 * not there yet is waited for, one that cannot be shown is told of.
 */
import type { OhifMessage } from './ohif-messages.ts';

export interface Trouble {
  /** `not-shown`: OHIF has no view for it; `unreadable`: the server did not give it. */
  readonly kind: 'not-shown' | 'unreadable';
  readonly seriesInstanceUid: string;
}

export interface ShownSeries {
  /** By the person, or by the link. */
  readonly chosen?: string;
  /** What OHIF shows; what is laid over images is shown together with them. */
  readonly visible: readonly string[];
  /** OHIF's names of it. */
  readonly parts: readonly string[];
  /** Chosen, and not read yet. */
  readonly waiting?: string;
  /** Stands over the images. */
  readonly trouble?: Trouble;
}

export type ShownChange =
  | Extract<OhifMessage, { readonly kind: 'shown' | 'waiting' | 'not-shown' | 'unreadable' }>
  | { readonly kind: 'chosen'; readonly seriesInstanceUid: string };

export const beginWith = (first: string | undefined): ShownSeries => ({
  ...(first === undefined ? {} : { chosen: first }),
  visible: [],
  parts: [],
});

const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((one) => others.includes(one));

const without = ({ waiting: _waiting, ...rest }: ShownSeries): ShownSeries => rest;
const uncovered = ({ trouble: _trouble, ...rest }: ShownSeries): ShownSeries => rest;

export const changeShown = (state: ShownSeries, change: ShownChange): ShownSeries => {
  switch (change.kind) {
    case 'chosen':
      return { ...uncovered(without(state)), chosen: change.seriesInstanceUid };
    case 'waiting':
      return { ...state, waiting: change.seriesInstanceUid };
    case 'shown': {
      const { series: visible, parts } = change;
      const rest = state.waiting !== undefined && visible.includes(state.waiting) ? without(state) : state;
      // Told again and again: only what is newly there takes the place of a notice.
      return { ...(isSame(parts, state.parts) ? rest : uncovered(rest)), visible, parts };
    }
    case 'not-shown':
    case 'unreadable': {
      const { kind, seriesInstanceUid } = change;
      return { ...without(state), chosen: seriesInstanceUid, trouble: { kind, seriesInstanceUid } };
    }
  }
};

/** The one series of the list that is marked: that of the images in sight, or of the notice over them. */
export const pressedOf = ({ trouble, chosen, visible }: ShownSeries): string | undefined => {
  if (trouble !== undefined) return trouble.seriesInstanceUid;
  if (visible.length === 0 || (chosen !== undefined && visible.includes(chosen))) return chosen;
  return visible[0];
};
