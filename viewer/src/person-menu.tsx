/** Who is signed in, in which situation, and the way out. */
import { loadState } from './load-state.ts';
import type { ExaminationDescription } from './description.ts';

type SignOut = ExaminationDescription['signOut'];

const freshTokenWithinMs = 5_000;

/**
 * The images go at once. The token of the page is that of the session it was opened in: who signed in again in another tab has
 * another one.
 */
const leave = async (event: React.FormEvent<HTMLFormElement>, { path, csrfField }: SignOut): Promise<void> => {
  event.preventDefault();
  document.documentElement.dataset['leaving'] = '';
  const form = event.currentTarget;
  const pagePath = location.pathname.replace(/\/$/, '');
  const answer = await loadState({ pagePath, isUsed: true, timeoutMs: freshTokenWithinMs });
  // Nobody is signed in any more: the page of those who left says so.
  if (answer.kind === 'ended') return location.assign(path);
  const field = form.elements.namedItem(csrfField);
  if (answer.kind === 'alive' && field instanceof HTMLInputElement) field.value = answer.state.formToken;
  return form.submit();
};

export const PersonMenu = ({ person, signOut }: Pick<ExaminationDescription, 'person' | 'signOut'>) => (
  <div className="person">
    {person.kind === 'patient' ? (
      <p>Connecté avec FranceConnect+</p>
    ) : (
      <p>
        <span className="person-name">{person.name}</span>
      </p>
    )}
    <form method="post" action={signOut.path} onSubmit={(event) => void leave(event, signOut)}>
      <input type="hidden" name={signOut.csrfField} value={signOut.csrfToken} />
      <button type="submit" className="sign-out">
        Se déconnecter
      </button>
    </form>
  </div>
);
