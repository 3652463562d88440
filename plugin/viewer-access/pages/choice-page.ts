/** « Patient ou professionnel ? »: the same page for every well-formed link (decision E6). */
import { html } from './html.ts';
import { buildPage, type PageSetting } from './layout.ts';
import {
  buildFranceConnectButton,
  buildHiddenFields,
  buildProSanteConnectButton,
  type FormFields,
} from './sign-in-buttons.ts';

/** @param signedInAs  name of who is signed in already in this browser, where somebody is */
export const buildChoicePage = (setting: PageSetting, fields: FormFields, signedInAs?: string): string =>
  buildPage(setting, {
    title: 'Voir les images de l’examen',
    isBeforeImages: true,
    body: html`
<p>Pour protéger ces images, identifiez-vous. Rien n’est à installer.</p>
${
  signedInAs !== undefined &&
  html`<section class="card" aria-labelledby="suite">
<h2 id="suite">Vous êtes déjà connecté</h2>
<p>Session ouverte au nom de <strong>${signedInAs}</strong>.</p>
<form method="post" action="/acces">${buildHiddenFields(fields)}
<button type="submit" class="plain">Continuer avec cette session</button></form>
<form method="post" action="/deconnexion">${buildHiddenFields(fields)}
<button type="submit" class="quiet">Ce n’est pas vous ? Se déconnecter</button></form>
</section>`
}
<div class="cards">
<section class="card" aria-labelledby="patient">
<h2 id="patient">Vous êtes le patient</h2>
<p>FranceConnect+ vérifie que ces images sont bien les vôtres.</p>
${buildFranceConnectButton(setting, fields)}
</section>
<section class="card" aria-labelledby="professionnel">
<h2 id="professionnel">Vous êtes professionnel de santé</h2>
<p>Identifiez-vous avec votre carte CPS ou votre e-CPS.</p>
${buildProSanteConnectButton(setting, fields)}
</section>
</div>`,
  });
