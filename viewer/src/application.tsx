/** From the first request to the end of the session. */
import { useEffect, useState } from 'react';
import { ExaminationPage } from './examination-page.tsx';
import { loadDescription, type Loaded } from './load-description.ts';
import { NoticePage } from './notice-page.tsx';
import { watchSession } from './session-watch.ts';

export interface ApplicationProps {
  /** `/examen/{grant}` */
  readonly pagePath: string;
  /** Asked for before React was ready. */
  readonly firstAnswer: Promise<Loaded>;
}

export const Application = ({ pagePath, firstAnswer }: ApplicationProps) => {
  const [loaded, setLoaded] = useState<Loaded>();
  const [linkPath, setLinkPath] = useState<string>();
  const examination = loaded?.kind === 'described' ? loaded.examination : undefined;

  useEffect(() => {
    void firstAnswer.then(setLoaded);
  }, [firstAnswer]);

  /** Asks the server; only a clear answer takes the images away. */
  const look = async (): Promise<boolean | undefined> => {
    const again = await loadDescription(pagePath);
    if (again.kind === 'ended' || again.kind === 'refused') setLoaded(again);
    return again.kind === 'unreachable' ? undefined : again.kind === 'described';
  };

  useEffect(() => {
    if (examination === undefined) return undefined;
    setLinkPath(examination.linkPath);
    const { birthName, firstGivenName } = examination.patient;
    document.title = `${birthName} ${firstGivenName} — Images de l’examen`;
    const { endsAtUtcMs, idleMs } = examination;
    return watchSession({
      endsAtUtcMs,
      ...(idleMs === undefined ? {} : { idleMs }),
      ask: look,
      onEnd: () => undefined,
    });
  }, [examination]);

  if (loaded === undefined) return <p className="waiting">Chargement de l’examen…</p>;
  switch (loaded.kind) {
    case 'described':
      return <ExaminationPage examination={loaded.examination} onRefused={() => void look()} />;
    case 'ended':
      return (
        <NoticePage title="Votre session a pris fin" code={loaded.refusal.code}>
          <p>Pour protéger les images, la page s’est fermée.</p>
          {linkPath === undefined ? (
            <p>Ouvrez de nouveau le lien du compte-rendu pour vous reconnecter.</p>
          ) : (
            <p>
              <a className="button" href={linkPath}>
                Se reconnecter
              </a>
            </p>
          )}
        </NoticePage>
      );
    case 'refused':
      return (
        <NoticePage title="Les images ne peuvent pas être affichées" code={loaded.refusal.code}>
          <p>{loaded.refusal.message}</p>
          <p>
            Fermez cette page. Si vous pensez que c’est une erreur, donnez le code ci-dessous au service d’imagerie.
          </p>
        </NoticePage>
      );
    case 'unreachable':
      return (
        <NoticePage title="Le serveur ne répond pas" code="visionneuse/serveur-injoignable">
          <p>Vérifiez votre connexion à internet.</p>
          <p>
            <button type="button" className="button" onClick={() => location.reload()}>
              Réessayer
            </button>
          </p>
        </NoticePage>
      );
  }
};
