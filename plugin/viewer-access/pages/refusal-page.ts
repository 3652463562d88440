/** One form for all that goes wrong: what happened, what to do, and a code for the help desk. */
import { type ErrorCode, errorTable } from '../../errors.ts';
import { html } from './html.ts';
import { buildPage, type PageSetting } from './layout.ts';

const reopen = 'Fermez cette page, puis ouvrez de nouveau le lien depuis votre compte-rendu.';
const waitAndRetry = 'Attendez quelques minutes, puis ouvrez de nouveau le lien depuis votre compte-rendu.';

/** What the person in front of the screen does; the table of remedies speaks to administrators. */
const advice: Readonly<Partial<Record<ErrorCode, string>>> = {
  'viewer-access/link-malformed':
    'Ouvrez le lien directement depuis votre compte-rendu, sans le recopier. Si cette page revient, donnez le code ci-dessous au service d’imagerie.',
  // One text for every reason: nothing here may tell whether the examination exists.
  'viewer-access/link-refused':
    'Vérifiez que vous avez ouvert le lien de votre propre compte-rendu, dans sa dernière version, et que vous vous êtes identifié avec votre propre compte. Si c’est le cas, donnez le code ci-dessous au service d’imagerie qui a réalisé l’examen.',
  'viewer-access/session-ended':
    'Pour protéger les images, une session se termine d’elle-même. Ouvrez de nouveau le lien depuis votre compte-rendu et identifiez-vous.',
  'viewer-access/form-refused':
    'Autorisez les cookies de ce site dans votre navigateur, puis ouvrez de nouveau le lien depuis votre compte-rendu.',
  'viewer-access/page-unknown': 'Ouvrez le lien qui se trouve dans votre compte-rendu.',
};

const adviceFor = (code: ErrorCode): string =>
  advice[code] ?? (errorTable[code].httpStatus >= 500 || errorTable[code].httpStatus === 429 ? waitAndRetry : reopen);

/** A sentence of the table as a title: without its full stop. */
const titleOf = (code: ErrorCode): string => errorTable[code].publicText.replace(/\.$/, '');

/**
 * @param code         of the table; what is shown is its public text
 * @param reference    of this one request in the log and the audit, for the help desk
 */
export const buildRefusalPage = (setting: PageSetting, code: ErrorCode, reference: string): string =>
  buildPage(setting, {
    title: titleOf(code),
    body: html`
<section aria-labelledby="que-faire">
<h2 id="que-faire">Que faire ?</h2>
<p>${adviceFor(code)}</p>
</section>
<p class="code">Code pour l’assistance : <strong>${code}</strong><br>Référence : <strong>${reference}</strong></p>`,
  });
