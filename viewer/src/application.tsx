/** From the first request to the end of the session. */
import { useEffect, useRef, useState } from 'react';
import type { ExaminationDescription } from './description.ts';
import { ExaminationPage } from './examination-page.tsx';
import type { Loaded } from './load-description.ts';
import { loadState } from './load-state.ts';
import { NoticePage } from './notice-page.tsx';
import { formatDate } from './french-format.ts';
import { type RunningWatch, watchSession } from './session-watch.ts';

export interface ApplicationProps {
  /** `/examen/{grant}` */
  readonly pagePath: string;
  /** Asked for before React was ready. */
  readonly firstAnswer: Promise<Loaded>;
}

const askWithinMs = 10_000;

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one) => b.includes(one));

/** In the history of the browser: no name. The date tells two pages apart. */
const titleOf = ({ studies: [study] }: ExaminationDescription): string =>
  study?.date === undefined ? 'Images de l’examen' : `Images de l’examen du ${formatDate(study.date)}`;

const Retry = () => (
  <p>
    <button type="button" className="button" onClick={() => location.reload()}>
      Réessayer
    </button>
  </p>
);

export const Application = ({ pagePath, firstAnswer }: ApplicationProps) => {
  const [loaded, setLoaded] = useState<Loaded>();
  const [linkPath, setLinkPath] = useState<string>();
  const [isCovered, setCovered] = useState(false);
  const watch = useRef<RunningWatch>(undefined);
  const examination = loaded?.kind === 'described' ? loaded.examination : undefined;

  useEffect(() => {
    void firstAnswer.then(setLoaded);
  }, [firstAnswer]);

  useEffect(() => {
    if (examination === undefined) return undefined;
    const { endsAtUtcMs, idleMs, studies } = examination;
    const shown = studies.map(({ studyInstanceUid }) => studyInstanceUid);
    setLinkPath(examination.linkPath);
    document.title = titleOf(examination);
    const ask = async (isUsed: boolean): Promise<number | 'over' | undefined> => {
      const answer = await loadState({ pagePath, isUsed, timeoutMs: askWithinMs });
      if (answer.kind === 'unknown') return undefined;
      if (answer.kind !== 'alive') {
        setLoaded(answer);
        return 'over';
      }
      // One of several studies was closed, or is open again: everything of it goes, or comes.
      if (!isSame(answer.state.studies, shown)) {
        location.reload();
        return 'over';
      }
      return answer.state.idleEndsAtMs;
    };
    const endsAtMs = Math.min(endsAtUtcMs, Date.now() + idleMs);
    watch.current = watchSession({ endsAtMs, idleMs, ask, cover: setCovered });
    return () => watch.current?.stop();
  }, [examination, pagePath]);

  if (loaded === undefined) return <p className="waiting">Chargement de l’examen…</p>;
  switch (loaded.kind) {
    case 'described':
      return (
        <>
          {isCovered && (
            <NoticePage title="Le serveur ne répond pas" code="visionneuse/serveur-injoignable">
              <p>
                Pour protéger les images, elles sont cachées jusqu’à sa réponse. Vérifiez votre connexion à internet.
              </p>
              <Retry />
            </NoticePage>
          )}
          <div className={isCovered ? 'covered' : 'uncovered'} inert={isCovered}>
            <ExaminationPage examination={loaded.examination} onRefused={() => watch.current?.askSoon()} />
          </div>
        </>
      );
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
    case 'failed':
      return (
        <NoticePage title="Les images ne peuvent pas être affichées pour le moment" code={loaded.refusal.code}>
          <p>{loaded.refusal.message}</p>
          <Retry />
        </NoticePage>
      );
    case 'unreachable':
      return (
        <NoticePage title="Le serveur ne répond pas" code="visionneuse/serveur-injoignable">
          <p>Vérifiez votre connexion à internet.</p>
          <Retry />
        </NoticePage>
      );
  }
};
