/** The page of one examination, once it is described. */
import { useCallback, useEffect, useReducer, useRef, useState } from 'react';
import { ImageArea } from './image-area.tsx';
import { PatientBanner } from './patient-banner.tsx';
import { PersonMenu } from './person-menu.tsx';
import { SeriesList } from './series-list.tsx';
import { showSeries } from './ohif-frame.ts';
import type { SeriesPart } from './ohif-messages.ts';
import { beginWith, changeShown, pressedOf } from './shown-series.ts';
import type { ExaminationDescription, SeriesDescription } from './description.ts';

export interface ExaminationPageProps {
  readonly examination: ExaminationDescription;
  readonly onRefused: () => void;
}

/** OHIF waits no longer than this for the pictures. */
const maxPreviewMs = 1_500;
const narrow = '(max-width: 48rem)';
const isOf =
  ({ seriesInstanceUid }: SeriesDescription) =>
  (part: SeriesPart): boolean =>
    part.seriesInstanceUid === seriesInstanceUid;

export const ExaminationPage = ({ examination, onRefused }: ExaminationPageProps) => {
  const { studies, patient, person, signOut, softwareVersion } = examination;
  const all = studies.flatMap((study) => study.series);
  const asked = all.find(({ seriesInstanceUid }) => seriesInstanceUid === examination.firstSeriesInstanceUid);
  const first = asked ?? all.find(({ previewPath }) => previewPath !== undefined);
  const [mayStart, setMayStart] = useState(first === undefined);
  const [isReady, setReady] = useState(false);
  const [shown, changeShownSeries] = useReducer(changeShown, first?.seriesInstanceUid, beginWith);
  const [parts, setParts] = useState<readonly SeriesPart[]>([]);
  const frame = useRef<HTMLIFrameElement>(null);
  const side = useRef<HTMLDetailsElement>(null);
  const start = useCallback(() => {
    // Two frames later the picture is really on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => setMayStart(true)));
  }, []);
  useEffect(() => {
    const timer = setTimeout(start, maxPreviewMs);
    return () => clearTimeout(timer);
  }, [start]);
  const show = (series: SeriesDescription, partId?: string): void => {
    const { seriesInstanceUid } = series;
    changeShownSeries({ kind: 'chosen', seriesInstanceUid });
    showSeries(frame.current, seriesInstanceUid, partId);
    // Who has still to choose among its parts keeps the list.
    const isWhole = partId !== undefined || parts.filter(isOf(series)).length < 2;
    if (!isWhole || side.current === null || !matchMedia(narrow).matches) return;
    side.current.open = false;
    // What was pressed is out of sight: keys go on at the images.
    document.getElementById('images')?.focus();
  };
  return (
    <div className="page">
      <a className="skip" href="#images">
        Aller aux images
      </a>
      <header>
        <h1>Images de l’examen</h1>
        <PatientBanner patient={patient} />
        <PersonMenu person={person} signOut={signOut} />
      </header>
      <nav aria-label="Séries de l’examen">
        <details ref={side} className="side" open={!matchMedia(narrow).matches}>
          <summary>Séries et téléchargement</summary>
          <SeriesList
            studies={studies}
            dicomWebPath={examination.dicomWebPath}
            shown={pressedOf(shown)}
            waiting={shown.waiting}
            parts={parts}
            shownParts={shown.parts}
            isReady={isReady}
            onShow={show}
            onPreview={start}
          />
        </details>
      </nav>
      <ImageArea
        examination={examination}
        first={first}
        mayStart={mayStart}
        frame={frame}
        shown={shown}
        onReady={() => setReady(true)}
        onParts={setParts}
        onShown={changeShownSeries}
        onRefused={onRefused}
      />
      <footer>
        <p className="not-for-diagnosis">Non destiné au diagnostic</p>
        <p>DRIMbox, version {softwareVersion}</p>
      </footer>
    </div>
  );
};
