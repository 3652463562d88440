/** OHIF in its frame; until its first image is there, the picture the server made of that image. */
import { useEffect, useRef, useState, type RefObject } from 'react';
import { readOhifMessage, type OhifMessage } from './ohif-frame.ts';
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
  /** The server no longer gives images: the session may have ended. */
  readonly onRefused: () => void;
}

const words = (values: readonly string[]): string => [...new Set(values)].join(' ');

export const ImageArea = ({ examination, first, mayStart, frame, onReady, onRefused }: ImageAreaProps) => {
  const [isReady, setReady] = useState(false);
  const [progress, setProgress] = useState({ done: 0, failed: 0 });
  const heard = useRef<(message: OhifMessage) => void>(undefined);
  heard.current = (message) => {
    if (message.kind === 'progress') setProgress({ done: message.done, failed: message.failed });
    if (message.kind === 'refused') onRefused();
    if (message.kind === 'first-image') {
      setReady(true);
      onReady();
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
          data-series={first?.seriesInstanceUid}
          data-classes={words(series.flatMap(({ sopClassUids }) => sopClassUids))}
        />
      )}
      {!isReady && (
        <div className="stand-in">
          {first?.previewPath !== undefined && (
            <img src={first.previewPath} alt={`Aperçu de la série « ${first.title} », image du milieu`} />
          )}
          <p>Aperçu. La visionneuse se prépare…</p>
        </div>
      )}
      <LoadingProgress isReady={isReady} {...progress} />
    </main>
  );
};
