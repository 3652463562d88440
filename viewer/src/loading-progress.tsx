/** How many images are here, in words that a screen reader says at the start and at the end only. */
import { useEffect, useState } from 'react';
import { formatCount } from './french-format.ts';

export interface LoadingProgressProps {
  readonly isReady: boolean;
  /** Nothing else tells that OHIF does not start. */
  readonly isStarting: boolean;
  readonly done: number;
  readonly failed: number;
}

/** Out of sight when no image has come for so long. */
const quietMs = 2_500;

export const LoadingProgress = ({ isReady, isStarting, done, failed }: LoadingProgressProps) => {
  const [isQuiet, setQuiet] = useState(false);
  useEffect(() => {
    setQuiet(false);
    const timer = setTimeout(() => setQuiet(true), quietMs);
    return () => clearTimeout(timer);
  }, [done, isReady]);
  const isHidden = failed === 0 && (isReady ? isQuiet : !isStarting);
  const starting = isStarting ? 'La visionneuse démarre.' : '';
  const words = isReady ? 'Visionneuse prête.' : starting;
  return (
    <div className={isHidden ? 'progress unseen' : 'progress'}>
      <p role="status">{words}</p>
      {done > 0 && <p aria-hidden="true">{formatCount(done, 'image reçue', 'images reçues')}</p>}
      {failed > 0 && (
        <p role="alert">
          {formatCount(failed, 'image n’a pas pu être affichée', 'images n’ont pas pu être affichées')}. Code :
          visionneuse/image-manquante
        </p>
      )}
    </div>
  );
};
