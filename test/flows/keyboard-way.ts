/** The way of somebody who has no mouse. */
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** What has the focus, in whichever frame: its name, and whether one sees that it has it. */
export const focused = `(() => {
  let here = document;
  while (here.activeElement?.contentDocument) here = here.activeElement.contentDocument;
  const element = here.activeElement;
  const style = here.defaultView.getComputedStyle(element);
  const ring = style.boxShadow.split(/,(?![^(]*\\))/).some((shadow) => / [1-9]\\d*px( inset)?$/.test(shadow.trim()));
  const outline = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  return {
    name: (element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent ?? '').replace(/\\s+/g, ' ').trim().slice(0, 60),
    place: here === document ? 'page' : 'viewer',
    tag: element.tagName,
    isSeen: outline || ring,
  };
})()`;

export interface Focused {
  readonly name: string;
  readonly place: 'page' | 'viewer';
  readonly tag: string;
  readonly isSeen: boolean;
}

/** Tab until the focus is on that; every stop on the way is seen. */
export const tabTo = async (page: Page, name: RegExp, place: Focused['place'] = 'page'): Promise<readonly string[]> => {
  const stops: string[] = [];
  for (let step = 0; step < 45; step += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<Focused>(focused);
    // Between the last and the first element the focus is on the document.
    if (stop.tag === 'BODY' || stop.tag === 'IFRAME') continue;
    stops.push(stop.name);
    expect(stop).toMatchObject({ isSeen: true });
    if (stop.place === place && name.test(stop.name)) return stops;
  }
  throw new Error(`not reached by keyboard: ${String(name)}; passed ${stops.join(' | ')}`);
};
