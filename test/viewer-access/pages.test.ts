/** The pages: what is escaped, what a person finds on each, and what the rules of accessibility ask of all of them. */
import { readFileSync } from 'node:fs';
import { DOMParser, type Element } from '@xmldom/xmldom';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errorTable, isErrorCode } from '../../plugin/errors.ts';
import { buildChoicePage } from '../../plugin/viewer-access/pages/choice-page.ts';
import { buildDeparturePage, buildSignedOutPage } from '../../plugin/viewer-access/pages/farewell-pages.ts';
import { html } from '../../plugin/viewer-access/pages/html.ts';
import type { PageSetting } from '../../plugin/viewer-access/pages/layout.ts';
import { buildRefusalPage } from '../../plugin/viewer-access/pages/refusal-page.ts';
import { buildSituationPage } from '../../plugin/viewer-access/pages/situation-page.ts';

const hostile = `"><script>alert(1)</script>'\`&lt;{{x}}`;
const setting: PageSetting = {
  siteName: `Centre ${hostile}`,
  version: '1.2.3',
  stylePath: '/pages/style.0.css',
  aheadPaths: ['/visionneuse/a.js'],
};
const fields = { link: `studyUID=1&x=${hostile}`, token: `t${hostile}` };
const situations = [
  { key: 'k1', label: `Médecin – ${hostile}` },
  { key: 'k2"', label: 'Interne' },
];
const pages: readonly (readonly [string, string])[] = [
  ['choice', buildChoicePage(setting, fields)],
  ['choice, signed in', buildChoicePage(setting, fields, `Camille ${hostile}`)],
  [
    'choice, official buttons',
    buildChoicePage(
      { ...setting, franceConnectImagePath: '/pages/a.svg', proSanteConnectImagePath: '/pages/b.svg' },
      fields,
    ),
  ],
  ['situation', buildSituationPage(setting, fields, { name: hostile, situations })],
  ['situation, repeated', buildSituationPage(setting, fields, { name: hostile, situations }, true)],
  ['refusal', buildRefusalPage(setting, 'viewer-access/link-refused', hostile)],
  ['signed out', buildSignedOutPage(setting)],
  ['departure', buildDeparturePage(setting, { url: 'https://a.example.test/?a=1&b="', name: hostile })],
];

describe('the template', () => {
  test.each([
    ['<b>', '&lt;b&gt;'],
    ['a & b', 'a &amp; b'],
    [`"'\``, '&quot;&#39;&#96;'],
    ['a\u0000b\u202Ec', 'a b c'],
    ['\uD800', '\uFFFD'],
    ['œuf « é »', 'œuf « é »'],
  ])('escapes %j', (text, expected) => {
    expect(html`<p title="${text}">${text}</p>`.toString()).toBe(`<p title="${expected}">${expected}</p>`);
  });

  test('keeps what it made, joins lists, leaves out what is not there', () => {
    const made = html`<i>${1}</i>`;
    expect(html`${made}${[made, '<', [made]]}${false}${undefined}`.toString()).toBe('<i>1</i><i>1</i>&lt;<i>1</i>');
  });

  test('what only looks like its own is text', () => {
    const forged = { toString: () => '<script>' } as unknown as string;
    expect(html`${forged}`.toString()).toBe('&lt;script&gt;');
  });

  test('no text leaves an attribute or makes an element, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(html`${text}`.toString()).not.toMatch(/[<>"'`]|&(?!(amp|lt|gt|quot|#39|#96);)/);
      }),
    );
  });
});

/** As a foreign reader sees it. Void elements of HTML are closed for it. */
const read = (page: string): Element => {
  const faults: string[] = [];
  const wellFormed = page
    .replace('<!doctype html>', '')
    .replaceAll(/<(meta|link|input|img|br)\b([^>]*)>/g, '<$1$2/>')
    .replaceAll(' required', ' required=""');
  const document = new DOMParser({ onError: (_, message) => void faults.push(message) }).parseFromString(
    wellFormed,
    'text/xml',
  );
  expect(faults).toEqual([]);
  return document.documentElement!;
};
const all = (root: Element, name: string): readonly Element[] => Array.from(root.getElementsByTagName(name));
const textOf = (element: Element | undefined): string => (element?.textContent ?? '').replaceAll(/\s+/g, ' ').trim();

describe.each(pages)('the page: %s', (title, page) => {
  const root = read(page);

  test('is well-formed with hostile values in it, and holds no script, no style, no event', () => {
    expect(all(root, 'script')).toEqual([]);
    expect(all(root, 'style')).toEqual([]);
    for (const element of all(root, '*')) {
      for (const { name } of Array.from(element.attributes)) expect(name).not.toMatch(/^(on|style$)/);
    }
  });

  test('fetches the viewer ahead only where the images may come next', () => {
    const hrefs = all(root, 'link').filter((link) => link.getAttribute('rel') === 'prefetch');
    const isBeforeImages = title.startsWith('choice') || title.startsWith('situation');
    expect(hrefs.map((link) => link.getAttribute('href'))).toEqual(isBeforeImages ? ['/visionneuse/a.js'] : []);
  });

  test('says its language, its title and its only first heading; they begin alike (RGAA 8.3, 8.5, 9.1)', () => {
    expect(root.getAttribute('lang')).toBe('fr');
    const [heading, ...others] = all(root, 'h1');
    expect(others).toEqual([]);
    expect(textOf(all(root, 'title')[0])).toContain(textOf(heading));
    expect(textOf(heading).length).toBeGreaterThan(5);
  });

  test('has landmarks, each once, and a first link that skips to the content (RGAA 12.6, 12.7)', () => {
    for (const name of ['header', 'main', 'footer']) expect(all(root, name), name).toHaveLength(1);
    const [skip] = all(root, 'a');
    expect(skip?.getAttribute('href')).toBe('#contenu');
    expect(all(root, 'main')[0]?.getAttribute('id')).toBe('contenu');
  });

  test('has one element for each id, and every reference leads to one', () => {
    const ids = all(root, '*').flatMap((element) => element.getAttribute('id') ?? []);
    expect(new Set(ids.filter((id) => id !== '')).size).toBe(ids.filter((id) => id !== '').length);
    for (const name of ['aria-labelledby', 'aria-describedby', 'for']) {
      for (const element of all(root, '*')) {
        const reference = element.getAttribute(name) ?? '';
        if (reference !== '') expect(ids, `${name}=${reference}`).toContain(reference);
      }
    }
  });

  test('names every field, button, link and picture (RGAA 1.1, 6.1, 11.1)', () => {
    const labelled = all(root, 'label').map((label) => label.getAttribute('for'));
    for (const input of all(root, 'input').filter((one) => one.getAttribute('type') !== 'hidden')) {
      expect(labelled).toContain(input.getAttribute('id'));
    }
    for (const image of all(root, 'img')) expect(image.getAttribute('alt')).not.toBe('');
    for (const name of ['button', 'a']) {
      for (const element of all(root, name)) {
        const name2 = textOf(element) || all(element, 'img')[0]?.getAttribute('alt');
        expect(name2).toBeTruthy();
      }
    }
  });

  test('fits a phone, shows the version, and says what the images are not for', () => {
    const viewport = all(root, 'meta').find((meta) => meta.getAttribute('name') === 'viewport');
    expect(viewport?.getAttribute('content')).toBe('width=device-width, initial-scale=1');
    expect(textOf(all(root, 'footer')[0])).toMatch(/version 1\.2\.3\..*pas destinées au diagnostic/);
  });

  test('every form is sent by POST to us, with the link and the token', () => {
    for (const form of all(root, 'form')) {
      expect(form.getAttribute('method')).toBe('post');
      expect(form.getAttribute('action')).toMatch(/^\/[a-z/]+$/);
      const hidden = all(form, 'input').filter((input) => input.getAttribute('type') === 'hidden');
      const sent = Object.fromEntries(hidden.map((one) => [one.getAttribute('name'), one.getAttribute('value')]));
      expect(sent).toEqual({ lien: fields.link, jeton: fields.token });
    }
  });

  test('loads nothing from elsewhere', () => {
    for (const element of [...all(root, 'link'), ...all(root, 'img')]) {
      expect(element.getAttribute('href') || element.getAttribute('src')).toMatch(/^(\/(pages|visionneuse)\/|data:,$)/);
    }
  });
});

describe('what the pages say', () => {
  test('the choice has both official ways in, and the explanation that FranceConnect+ wants', () => {
    const root = read(buildChoicePage(setting, fields));
    expect(all(root, 'button').map(textOf)).toEqual([
      'S’identifier avec FranceConnect+',
      'S’identifier avec Pro Santé Connect',
    ]);
    const explanation = all(root, 'a').find((link) => textOf(link) === 'Qu’est-ce que FranceConnect+ ?');
    expect(explanation?.getAttribute('rel')).toBe('noopener noreferrer');
    expect(explanation?.getAttribute('title')).toContain('nouvelle fenêtre');
  });

  test('the situations are a named group of choices, none taken beforehand', () => {
    const root = read(buildSituationPage(setting, fields, { name: 'Dr EXEMPLE', situations }));
    expect(textOf(all(root, 'legend')[0])).toContain('Dans quelle situation');
    const radios = all(root, 'input').filter((one) => one.getAttribute('type') === 'radio');
    expect(
      radios.map((one) => [one.getAttribute('name'), one.getAttribute('value'), one.hasAttribute('checked')]),
    ).toEqual([
      ['situation', 'k1', false],
      ['situation', 'k2"', false],
    ]);
  });

  test('a departure goes at once, and by a link where that is not allowed (WCAG H76)', () => {
    const page = buildDeparturePage(setting, { url: 'https://a.example.test/?a=1&b=2', name: 'Pro Santé Connect' });
    const root = read(page);
    const refresh = all(root, 'meta').find((meta) => meta.getAttribute('http-equiv') === 'refresh');
    expect(refresh?.getAttribute('content')).toBe('0; url=https://a.example.test/?a=1&b=2');
    expect(all(root, 'a').at(-1)?.getAttribute('href')).toBe('https://a.example.test/?a=1&b=2');
  });

  test.each(Object.keys(errorTable).filter(isErrorCode))(
    'a refusal for %s says what, what to do, and the codes',
    (code) => {
      const text = textOf(read(buildRefusalPage(setting, code, 'REF-1')));
      expect(text).toContain(errorTable[code].publicText.replace(/\.$/, ''));
      expect(text).toMatch(/Que faire \? \p{Lu}.{30,}\. Code pour l’assistance/u);
      expect(text).toContain(`${code}Référence : REF-1`);
    },
  );
});

describe('the style sheet', () => {
  const style = readFileSync(new URL('../../plugin/viewer-access/pages/pages.css', import.meta.url), 'utf8');
  const luminance = (hex: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const level = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (one: string, two: string): number => {
    const [light = 0, dark = 0] = [luminance(one), luminance(two)].toSorted((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const colour = (name: string): string => new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(style)?.[1] ?? '';

  test.each([
    ['ink', 'ground', 4.5],
    ['ink', 'paper', 4.5],
    ['quiet', 'ground', 4.5],
    ['action', 'paper', 4.5],
    ['action', 'ground', 4.5],
    ['action-hover', 'paper', 4.5],
    ['fault', 'ground', 4.5],
    ['line', 'paper', 3],
  ])('%s on %s has the contrast of WCAG AA (1.4.3, 1.4.11)', (one, two, least) => {
    expect(contrast(colour(one), colour(two))).toBeGreaterThanOrEqual(least);
  });

  test('loads nothing, hides no focus, and has no width that a phone has not', () => {
    expect(style).not.toMatch(/url\(|@import/);
    expect(style).toContain(':focus-visible');
    expect(style).not.toMatch(/(^|[^-])width: (?!100%|1\.5rem)/m);
  });
});
