/**
 * What all pages share: landmarks, title, skip link, version, style. No script: every page works with forms and links alone.
 *
 * @see RGAA 4.1 (8.3 language, 8.5 title, 9.2 landmarks, 12.7 skip link) · WCAG 2.2 AA
 */
import { html, type Html } from './html.ts';

/** What is the same on all pages of this installation. */
export interface PageSetting {
  /** Of the site: « Centre d'imagerie Exemple ». */
  readonly siteName: string;
  readonly version: string;
  /** Path of the style sheet, with the hash of its content. */
  readonly stylePath: string;
  /** Of the viewer: fetched while a person signs in. */
  readonly aheadPaths?: readonly string[];
  /** Paths of the official drawings, where the site has put them. */
  readonly franceConnectImagePath?: string;
  readonly proSanteConnectImagePath?: string;
}

export interface PageContent {
  readonly title: string;
  readonly body: Html;
  /** Where the browser goes by itself, at once. */
  readonly leaveTo?: string;
  /** The images may come next. */
  readonly isBeforeImages?: boolean;
}

/** @returns a whole document, UTF-8 */
export const buildPage = (setting: PageSetting, { title, body, leaveTo, isBeforeImages }: PageContent): string =>
  html`<!doctype html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
${leaveTo !== undefined && html`<meta http-equiv="refresh" content="0; url=${leaveTo}">`}
<title>${title} – ${setting.siteName}</title>
<link rel="stylesheet" href="${setting.stylePath}">
<link rel="icon" href="data:,">
${
  isBeforeImages === true &&
  setting.aheadPaths?.map(
    (path) => html`<link rel="prefetch" href="${path}">
`,
  )
}
</head>
<body>
<a class="skip" href="#contenu">Aller au contenu</a>
<header role="banner"><p class="site">${setting.siteName}</p></header>
<main id="contenu" role="main" tabindex="-1">
<h1>${title}</h1>
${body}
</main>
<footer role="contentinfo">
<p>Visionneuse d’images médicales, version ${setting.version}. Les images affichées ne sont pas destinées au diagnostic.</p>
</footer>
</body>
</html>
`.toString();
