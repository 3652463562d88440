/** OHIF in its frame; until its first image is there, the picture the server made of that image. */
import { useEffect, useRef, useState, type RefObject } from 'react';
import { readOhifMessage, type OhifMessage, type SeriesPart } from './ohif-frame.ts';
import { labelModality } from './french-format.ts';
import { LoadingProgress } from './loading-progress.tsx';
import type { ExaminationDescription, SeriesDescription } from './description.ts';

export interface ImageAreaProps {
  readonly examination: ExaminationDescription;
  /** The series that is shown first: its picture stands in for OHIF until then. */
  readonly first: SeriesDescription | undefined;
  /** OHIF starts only when the pictures are on the screen: it keeps the browser busy for seconds. */
  readonly mayStart: boolean;
  readonly frame: RefObject<HTMLIFrameElement | null>;
  readonly onReady: () => void;
  readonly onParts: (parts: readonly SeriesPart[]) => void;
  /** What OHIF shows now, whoever chose it. */
  readonly onShown: (series: readonly string[], parts: readonly string[]) => void;
  readonly onNotShown: (seriesInstanceUid: string) => void;
  /** A series that was chosen and that OHIF has no view for. */
  readonly notShown: SeriesDescription | undefined;
  /** The server no longer gives images: the session may have ended. */
  readonly onRefused: () => void;
}

const words = (values: readonly string[]): string => [...new Set(values)].join(' ');

/** In the place of the images: they are not lost, only not drawn here. */
const NotShown = ({ series }: { readonly series: SeriesDescription }) => (
  <div className="not-shown" role="status">
    <p>
      La série « {series.title} » ({labelModality(series.modality)}) ne peut pas être affichée ici.
    </p>
    <p>Elle est dans le téléchargement, pour un logiciel qui sait la lire.</p>
  </div>
);

export const ImageArea = (props: ImageAreaProps) => {
  const { examination, first, mayStart, frame, notShown } = props;
  const [isReady, setReady] = useState(false);
  const [progress, setProgress] = useState({ done: 0, failed: 0 });
  const heard = useRef<(message: OhifMessage) => void>(undefined);
  heard.current = (message) => {
    if (message.kind === 'progress') setProgress({ done: message.done, failed: message.failed });
    if (message.kind === 'refused') props.onRefused();
    if (message.kind === 'parts') props.onParts(message.parts);
    if (message.kind === 'shown') props.onShown(message.series, message.parts);
    if (message.kind === 'not-shown') props.onNotShown(message.seriesInstanceUid);
    if (message.kind === 'ready') {
      setReady(true);
      props.onReady();
    }
  };
  useEffect(() => {
    const listen = (event: MessageEvent): void => {
      const message = readOhifMessage(event, frame.current);
      if (message !== undefined) heard.current?.(message);
    };
    window.addEventListener('message', listen);
    return () => window.removeEventListener('message', listen);
  }, [frame]);
  const series = examination.studies.flatMap((study) => study.series);
  return (
    <main id="images" className="images" tabIndex={-1} aria-label="Images de l’examen">
      {mayStart && (
        <iframe
          ref={frame}
          title="Visionneuse d’images"
          className={isReady ? 'ohif' : 'ohif starting'}
          src={`${__OHIF_PATH__}viewer.html`}
          allow="fullscreen"
          data-dicomweb={examination.dicomWebPath}
          data-studies={words(examination.studies.map((study) => study.studyInstanceUid))}
          data-series={words(series.map(({ seriesInstanceUid }) => seriesInstanceUid))}
          data-first={first?.seriesInstanceUid}
          data-classes={words(series.flatMap(({ sopClassUids }) => sopClassUids))}
        />
      )}
      {!isReady && (
        <div className="stand-in">
          {first?.previewPath !== undefined && (
            <img src={first.previewPath} alt={`Aperçu de la série « ${first.title} », image du milieu`} />
          )}
          <p>{first === undefined ? 'La visionneuse se prépare…' : 'Aperçu. La visionneuse se prépare…'}</p>
        </div>
      )}
      {notShown !== undefined && <NotShown series={notShown} />}
      <LoadingProgress isReady={isReady} {...progress} />
    </main>
  );
};
