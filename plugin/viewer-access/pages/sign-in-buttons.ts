/**
 * The two buttons, drawn after the published rules, or the official drawings where the site has put them.
 *
 * Both services want their official button and nothing restyled. Their files cannot be part of this project (they come with
 * the habilitation of each site): `Viewer.Buttons.FranceConnectPlusFile` and `Viewer.Buttons.ProSanteConnectFile`
 * name them (SVG or PNG), and they are then shown as they are. Without them the buttons are drawn in CSS: words, colours and
 * proportions of the « fr-connect fr-connect--plus » button of the State design system, and of the Pro Santé Connect button.
 *
 * @see facts/identity.md 1.2 (Pro Santé Connect), 3.5 (FranceConnect+)
 */
import { html, type Html } from './html.ts';
import type { PageSetting } from './layout.ts';

/** Hidden fields of a form that starts something. */
export interface FormFields {
  /** The link, as `encodeReportLink` writes it. */
  readonly link: string;
  readonly token: string;
}

export const buildHiddenFields = ({ link, token }: FormFields): Html => html`
<input type="hidden" name="lien" value="${link}">
<input type="hidden" name="jeton" value="${token}">`;

const officialImage = (path: string, text: string): Html => html`<img src="${path}" alt="${text}" height="56">`;

export const buildFranceConnectButton = (setting: PageSetting, fields: FormFields): Html => {
  const { franceConnectImagePath: path } = setting;
  const text = 'S’identifier avec FranceConnect+';
  return html`
<form method="post" action="/connexion/franceconnect">${buildHiddenFields(fields)}
<button type="submit" class="${path === undefined ? 'connect connect-plus' : 'connect connect-image'}">
${
  path === undefined
    ? html`<span class="connect-login">S’identifier avec</span> <span class="connect-brand">FranceConnect+</span>`
    : officialImage(path, text)
}
</button>
</form>
<p><a href="https://franceconnect.gouv.fr/france-connect-plus" target="_blank" rel="noopener noreferrer"
 title="Qu’est-ce que FranceConnect+ ? – nouvelle fenêtre">Qu’est-ce que FranceConnect+ ?</a></p>`;
};

export const buildProSanteConnectButton = (setting: PageSetting, fields: FormFields): Html => {
  const { proSanteConnectImagePath: path } = setting;
  const text = 'S’identifier avec Pro Santé Connect';
  return html`
<form method="post" action="/connexion/psc">${buildHiddenFields(fields)}
<button type="submit" class="${path === undefined ? 'connect connect-psc' : 'connect connect-image'}">
${
  path === undefined
    ? html`<span class="connect-login">S’identifier avec</span> <span class="connect-brand">Pro Santé Connect</span>`
    : officialImage(path, text)
}
</button>
</form>`;
};
