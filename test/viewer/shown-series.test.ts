/** What the page says of the images follows what OHIF shows. */
import { describe, expect, it } from 'vitest';
import { beginWith, changeShown, pressedOf, type ShownChange } from '../../viewer/src/shown-series.ts';

const shown = (series: readonly string[], parts: readonly string[] = series): ShownChange => ({
  kind: 'shown',
  series,
  parts,
});
const follow = (...changes: readonly ShownChange[]) => changes.reduce(changeShown, beginWith('A'));
const chosen = (seriesInstanceUid: string): ShownChange => ({ kind: 'chosen', seriesInstanceUid });
const waiting = (seriesInstanceUid: string): ShownChange => ({ kind: 'waiting', seriesInstanceUid });
const lost = (seriesInstanceUid: string, kind: 'not-shown' | 'unreadable' = 'not-shown'): ShownChange => ({
  kind,
  seriesInstanceUid,
});

describe('the series that the page marks', () => {
  it('is the one the link names, before OHIF shows anything', () => {
    expect(pressedOf(follow())).toBe('A');
    expect(pressedOf(beginWith(undefined))).toBeUndefined();
  });

  it('is that of the images in sight until the chosen one is there', () => {
    const before = follow(shown(['A']), chosen('B'), waiting('B'));
    expect([pressedOf(before), before.waiting]).toEqual(['A', 'B']);
    const after = changeShown(before, shown(['B']));
    expect([pressedOf(after), after.waiting]).toEqual(['B', undefined]);
  });

  it('stays the chosen one when it is laid over the images of another', () => {
    expect(pressedOf(follow(shown(['A']), chosen('SEG'), shown(['A', 'SEG'])))).toBe('SEG');
  });

  it('is what was chosen in OHIF itself', () => {
    expect(pressedOf(follow(shown(['A']), chosen('B'), shown(['B']), shown(['C'])))).toBe('C');
  });

  it('is that of a notice, which no longer waits', () => {
    const state = follow(shown(['A']), chosen('B'), waiting('B'), lost('B', 'unreadable'));
    expect([pressedOf(state), state.waiting, state.trouble?.kind]).toEqual(['B', undefined, 'unreadable']);
  });

  it('keeps a notice while OHIF only repeats what it shows, and gives it up for something else', () => {
    const noticed = follow(shown(['A'], ['a1']), chosen('B'), lost('B'));
    const repeated = changeShown(noticed, shown(['A'], ['a1']));
    expect([pressedOf(repeated), repeated.trouble?.seriesInstanceUid]).toEqual(['B', 'B']);
    const newer = changeShown(repeated, shown(['A'], ['a2']));
    expect([pressedOf(newer), newer.trouble]).toEqual(['A', undefined]);
  });

  it('gives a notice up for another choice, and goes back to the images in sight', () => {
    const state = follow(shown(['A']), chosen('B'), lost('B'), chosen('A'));
    expect([pressedOf(state), state.trouble]).toEqual(['A', undefined]);
  });
});
