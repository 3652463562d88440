/** Who is signed in, in which situation, and the way out. */
import { loadDescription } from './load-description.ts';
import type { ExaminationDescription } from './description.ts';

type SignOut = ExaminationDescription['signOut'];

/** The token of the page is that of the session it was opened in: who signed in again in another tab has another one. */
const leave = async (event: React.FormEvent<HTMLFormElement>, { path, csrfField }: SignOut): Promise<void> => {
  event.preventDefault();
  const form = event.currentTarget;
  const loaded = await loadDescription(location.pathname.replace(/\/$/, ''));
  // Nobody is signed in any more: the page of those who left says so.
  if (loaded.kind === 'ended') return location.assign(path);
  const field = form.elements.namedItem(csrfField);
  if (loaded.kind === 'described' && field instanceof HTMLInputElement) {
    field.value = loaded.examination.signOut.csrfToken;
  }
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
