/** The ends of a visit, and the way to somewhere else. */
import { html } from './html.ts';
import { buildPage, type PageSetting } from './layout.ts';

export const buildSignedOutPage = (setting: PageSetting): string =>
  buildPage(setting, {
    title: 'Vous êtes déconnecté',
    body: html`
<p>Plus personne ne peut voir les images depuis ce navigateur.</p>
<p>Sur un ordinateur partagé, fermez aussi toutes les fenêtres du navigateur.</p>
<p>Pour revoir les images, ouvrez de nouveau le lien depuis votre compte-rendu.</p>`,
  });

export interface Departure {
  /** `https://…`, of the service itself. */
  readonly url: string;
  /** « FranceConnect+ » */
  readonly name: string;
}

/**
 * Sends the browser to a service of identity. A page, not a redirection: `form-action 'self'` of our pages would stop a form
 * that is redirected elsewhere, and each service has its own further addresses.
 *
 * @see CSP Level 3, form-action (redirects) · WCAG technique H76 (instant redirect)
 */
export const buildDeparturePage = (setting: PageSetting, { url, name }: Departure): string =>
  buildPage(setting, {
    title: `Vers ${name}`,
    leaveTo: url,
    body: html`
<p>Votre navigateur ouvre ${name}.</p>
<p><a href="${url}" rel="noreferrer">Continuer vers ${name}</a></p>`,
  });
