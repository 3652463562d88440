/** Studies and their series, each with a picture made by the server: in sight before OHIF has started. */
import { formatDate } from './french-format.ts';
import { DownloadLink } from './download-link.tsx';
import type { SeriesDescription, StudyDescription } from './description.ts';
import type { SeriesPart } from './ohif-messages.ts';
import { Preview } from './preview.tsx';
import { SeriesParts } from './series-parts.tsx';
import { describeContent } from './series-words.ts';

export interface SeriesListProps {
  readonly studies: readonly StudyDescription[];
  readonly dicomWebPath: string;
  readonly shown: string | undefined;
  /** Chosen, and not here yet. */
  readonly waiting: string | undefined;
  readonly parts: readonly SeriesPart[];
  readonly shownParts: readonly string[];
  /** Series can be chosen once OHIF runs. */
  readonly isReady: boolean;
  readonly onShow: (series: SeriesDescription, partId?: string) => void;
  readonly onPreview: () => void;
}

type OneSeries = Omit<SeriesListProps, 'studies'> & {
  readonly study: StudyDescription;
  readonly series: SeriesDescription;
};

const SeriesButton = ({ series, shown, waiting, isReady, onShow, onPreview }: OneSeries) => (
  <button
    type="button"
    className="series"
    aria-pressed={series.seriesInstanceUid === shown}
    aria-disabled={!isReady}
    onClick={() => isReady && onShow(series)}
  >
    <Preview path={series.previewPath} words={series.modality} onSettled={onPreview} />
    <span className="series-words">
      <span className="series-title">{series.title}</span>
      <span>{describeContent(series)}</span>
      {series.seriesInstanceUid === waiting && <span className="series-waiting">Chargement…</span>}
    </span>
  </button>
);

/** Of the series in sight only; the server tells how long it is. A study of one series is taken along below. */
const SeriesDownload = ({ study, series }: Pick<OneSeries, 'study' | 'series'>) => {
  const { downloadPath } = study;
  const path = `${downloadPath}${downloadPath.includes('?') ? '&' : '?'}serie=${series.seriesInstanceUid}`;
  return (
    <p className="series-download">
      <a href={path} download>
        Télécharger cette série
      </a>
    </p>
  );
};

const Series = (props: OneSeries) => {
  const { study, series, dicomWebPath, shown, parts, shownParts, isReady, onShow } = props;
  const { seriesInstanceUid } = series;
  const own = parts.filter((part) => part.seriesInstanceUid === seriesInstanceUid);
  const isOpen = isReady && own.length > 1 && seriesInstanceUid === shown;
  const hasPictures = series.content === 'images';
  const canDownload = seriesInstanceUid === shown && study.downloadBytes !== undefined && study.series.length > 1;
  return (
    <>
      <SeriesButton {...props} />
      {canDownload && <SeriesDownload study={study} series={series} />}
      {isOpen && (
        <SeriesParts
          parts={own}
          shownParts={shownParts}
          seriesPath={
            hasPictures ? `${dicomWebPath}/studies/${study.studyInstanceUid}/series/${seriesInstanceUid}` : undefined
          }
          onShow={(partId) => onShow(series, partId)}
        />
      )}
    </>
  );
};

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
              <Series study={study} series={series} {...rest} />
            </li>
          ))}
        </ul>
        <DownloadLink study={study} number={at + 1} />
      </section>
    ))}
  </>
);
