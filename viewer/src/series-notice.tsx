/** In the place of images that cannot be shown, or over those that are shown until the chosen ones are there. */
import type { SeriesDescription } from './description.ts';
import { labelModality } from './french-format.ts';
import type { Trouble } from './shown-series.ts';

export interface SeriesNoticeProps {
  /** A series that was chosen and cannot be shown. */
  readonly trouble?: {
    readonly kind: Trouble['kind'];
    readonly series: SeriesDescription;
    readonly isInDownload: boolean;
  };
  /** Chosen, and not here yet. */
  readonly waitingFor?: SeriesDescription;
  /** The one whose images are in sight meanwhile. */
  readonly inSight?: SeriesDescription;
}

const nameOf = ({ title, modality }: SeriesDescription): string => `« ${title} » (${labelModality(modality)})`;

const Cover = ({ kind, series, isInDownload }: NonNullable<SeriesNoticeProps['trouble']>) => (
  <div className="not-shown">
    {kind === 'not-shown' ? (
      <>
        <p>La série {nameOf(series)} ne peut pas être affichée ici.</p>
        {isInDownload && <p>Elle est dans le téléchargement, pour un logiciel qui sait la lire.</p>}
      </>
    ) : (
      <>
        <p>La série {nameOf(series)} n’a pas pu être lue.</p>
        <p>Rechargez la page ; si cela se répète, donnez ce code au service d’imagerie : visionneuse/serie-illisible</p>
        <button type="button" onClick={() => location.reload()}>
          Recharger la page
        </button>
      </>
    )}
  </div>
);

/** Always there, so that screen readers hear what comes into it. */
export const SeriesNotice = ({ trouble, waitingFor, inSight }: SeriesNoticeProps) => (
  <div role="status">
    {trouble !== undefined && <Cover {...trouble} />}
    {trouble === undefined && waitingFor !== undefined && (
      <p className="awaited">
        La série {nameOf(waitingFor)} se charge…
        {inSight !== undefined && ` D’ici là, les images sont celles de la série ${nameOf(inSight)}.`}
      </p>
    )}
  </div>
);
