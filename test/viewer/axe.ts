/** What keeps a person from using a page, as axe finds it. @see https://github.com/dequelabs/axe-core */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Frame } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Findings {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

/** Serious and critical findings of one document; frames in it are asked by themselves. */
export const findBarriers = async (frame: Frame): Promise<readonly string[]> => {
  await frame.evaluate(axe);
  const { violations } = await frame.evaluate<Findings>('axe.run(document, { iframes: false })');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`);
};
