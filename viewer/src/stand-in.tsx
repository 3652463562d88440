/** Before OHIF shows its first image: the picture the server made of that image, and a way out when OHIF does not start. */
import { useEffect, useState } from 'react';
import type { SeriesDescription } from './description.ts';

/** `late`: nothing for so long, and it may still come. */
export type Start = 'starting' | 'late' | 'failed';

/** On a slow line and a slow machine OHIF needs half a minute. */
const maxStartMs = 45_000;

/** @param hasFailed  it is known that OHIF will not start */
export const useStart = (isRunning: boolean, hasFailed: boolean): Start => {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setTimeout(() => setLate(true), maxStartMs);
    return () => clearTimeout(timer);
  }, [isRunning]);
  if (hasFailed) return 'failed';
  return isLate ? 'late' : 'starting';
};

const problems: Readonly<Record<Exclude<Start, 'starting'>, string>> = {
  late: 'La visionneuse n’est toujours pas prête. Si votre connexion est lente, patientez ; sinon, réessayez.',
  failed: 'La visionneuse n’a pas pu démarrer. Vérifiez votre connexion, puis réessayez.',
};

const Problem = ({ start }: { readonly start: Exclude<Start, 'starting'> }) => (
  <>
    <p>{problems[start]}</p>
    <p>Si cela se répète, donnez ce code au service d’imagerie : visionneuse/demarrage-impossible</p>
    <button type="button" onClick={() => location.reload()}>
      Réessayer
    </button>
  </>
);

export interface StandInProps {
  readonly first: SeriesDescription | undefined;
  readonly start: Start;
}

export const StandIn = ({ first, start }: StandInProps) => {
  const [isBroken, setBroken] = useState(false);
  const path = isBroken ? undefined : first?.previewPath;
  const waiting = path === undefined ? 'La visionneuse se prépare…' : 'Aperçu. La visionneuse se prépare…';
  return (
    <div className="stand-in">
      {path !== undefined && (
        <img
          src={path}
          alt={`Aperçu de la série « ${first?.title} », image du milieu`}
          onError={() => setBroken(true)}
        />
      )}
      {start === 'starting' && <p>{waiting}</p>}
      <div className="start-problem" role="alert">
        {start !== 'starting' && <Problem start={start} />}
      </div>
    </div>
  );
};
