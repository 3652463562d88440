/** A professional with several exercise situations says in which one the images are looked at. */
import { html } from './html.ts';
import { buildPage, type PageSetting } from './layout.ts';
import { buildHiddenFields, type FormFields } from './sign-in-buttons.ts';

export interface SituationChoice {
  /** As shown: « Dr EXEMPLE Claude ». */
  readonly name: string;
  readonly situations: readonly { readonly key: string; readonly label: string }[];
}

/** @param isRepeated  the former answer named none of them */
export const buildSituationPage = (
  setting: PageSetting,
  fields: FormFields,
  { name, situations }: SituationChoice,
  isRepeated = false,
): string =>
  buildPage(setting, {
    title: 'Choisir votre situation d’exercice',
    isBeforeImages: true,
    body: html`
<p>Vous êtes connecté : <strong>${name}</strong>.</p>
<form method="post" action="/situation">${buildHiddenFields(fields)}
${isRepeated && html`<p class="fault" id="manque" role="alert">Choisissez une situation d’exercice dans la liste.</p>`}
<fieldset${isRepeated && html` aria-describedby="manque"`}>
<legend>Dans quelle situation consultez-vous ces images ?</legend>
${situations.map(
  ({ key, label }, at) => html`
<p class="option"><input type="radio" id="situation-${at}" name="situation" value="${key}" required>
<label for="situation-${at}">${label}</label></p>`,
)}
</fieldset>
<button type="submit" class="plain">Continuer</button>
</form>
<form method="post" action="/deconnexion">${buildHiddenFields(fields)}
<button type="submit" class="quiet">Se déconnecter</button>
</form>`,
  });
