/** Who is signed in, in which situation, and the way out. */
import type { ExaminationDescription } from './description.ts';

export const PersonMenu = ({ person, signOut }: Pick<ExaminationDescription, 'person' | 'signOut'>) => (
  <div className="person">
    {person.kind === 'patient' ? (
      <p>Connecté avec FranceConnect+</p>
    ) : (
      <p>
        <span className="person-name">{person.name}</span>
      </p>
    )}
    <form method="post" action={signOut.path}>
      <input type="hidden" name={signOut.csrfField} value={signOut.csrfToken} />
      <button type="submit" className="sign-out">
        Se déconnecter
      </button>
    </form>
  </div>
);
