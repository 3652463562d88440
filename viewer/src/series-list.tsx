/** Studies and their series, each with a picture made by the server: in sight before OHIF has started. */
import { formatCount, formatDate, labelModality } from './french-format.ts';
import { DownloadLink } from './download-link.tsx';
import type { SeriesDescription, StudyDescription } from './description.ts';

export interface SeriesListProps {
  readonly studies: readonly StudyDescription[];
  readonly shown: string | undefined;
  /** Series can be chosen once OHIF runs. */
  readonly isReady: boolean;
  readonly onShow: (series: SeriesDescription) => void;
  readonly onPreview: () => void;
}

const SeriesButton = ({
  series,
  shown,
  isReady,
  onShow,
  onPreview,
}: Omit<SeriesListProps, 'studies'> & { readonly series: SeriesDescription }) => (
  <button
    type="button"
    className="series"
    aria-pressed={series.seriesInstanceUid === shown}
    aria-disabled={!isReady}
    onClick={() => isReady && onShow(series)}
  >
    {series.previewPath === undefined ? (
      <span className="no-preview" aria-hidden="true">
        {series.modality}
      </span>
    ) : (
      <img src={series.previewPath} alt="" width={96} height={96} onLoad={onPreview} onError={onPreview} />
    )}
    <span className="series-words">
      <span className="series-title">{series.title}</span>
      <span>
        {labelModality(series.modality)}, {formatCount(series.imageCount, 'image', 'images')}
      </span>
    </span>
  </button>
);

export const SeriesList = ({ studies, ...rest }: SeriesListProps) => (
  <>
    {studies.map((study, at) => (
      <section key={study.studyInstanceUid} className="study" aria-label={study.title}>
        <h2>{study.title}</h2>
        <p className="study-words">
          {[study.date === undefined ? undefined : formatDate(study.date), study.place].filter(Boolean).join(' — ')}
        </p>
        <ul className="series-list">
          {study.series.map((series) => (
            <li key={series.seriesInstanceUid}>
              <SeriesButton series={series} {...rest} />
            </li>
          ))}
        </ul>
        <DownloadLink study={study} number={at + 1} />
      </section>
    ))}
  </>
);
