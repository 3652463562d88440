/** What a series holds when OHIF does not show it in one: several loops, several radiographs. Each can be chosen. */
import { formatCount } from './french-format.ts';
import type { SeriesPart } from './ohif-messages.ts';
import { Preview } from './preview.tsx';

export interface SeriesPartsProps {
  /** Of one series, in their order. */
  readonly parts: readonly SeriesPart[];
  readonly shownParts: readonly string[];
  /** Path of the series in DICOMweb; absent: there are no pictures of them. */
  readonly seriesPath: string | undefined;
  readonly onShow: (partId: string) => void;
}

export const SeriesParts = ({ parts, shownParts, seriesPath, onShow }: SeriesPartsProps) => (
  <ul className="series-parts" aria-label="Images et boucles de la série">
    {parts.map(({ partId, sopInstanceUid, imageCount }, at) => {
      const words = imageCount > 1 ? `${at + 1} : ${formatCount(imageCount, 'image', 'images')}` : `${at + 1}`;
      return (
        <li key={partId}>
          <button
            type="button"
            aria-pressed={shownParts.includes(partId)}
            aria-label={`Partie ${at + 1} sur ${parts.length}, ${formatCount(Math.max(1, imageCount), 'image', 'images')}`}
            onClick={() => onShow(partId)}
          >
            <Preview
              path={seriesPath === undefined ? undefined : `${seriesPath}/instances/${sopInstanceUid}/thumbnail`}
              words=""
              isLazy
            />
            <span>{words}</span>
          </button>
        </li>
      );
    })}
  </ul>
);
