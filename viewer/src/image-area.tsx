/** OHIF in its frame; until its first image is there, the picture the server made of that image. */
import { useEffect, useRef, useState, type RefObject } from 'react';
import { readOhifMessage } from './ohif-frame.ts';
import type { OhifMessage, SeriesPart } from './ohif-messages.ts';
import { LoadingProgress } from './loading-progress.tsx';
import { SeriesNotice } from './series-notice.tsx';
import { type ShownSeries, pressedOf, type ShownChange } from './shown-series.ts';
import { StandIn, useStart } from './stand-in.tsx';
import type { ExaminationDescription, SeriesDescription } from './description.ts';

export interface ImageAreaProps {
  readonly examination: ExaminationDescription;
  /** The series that is shown first: its picture stands in for OHIF until then. */
  readonly first: SeriesDescription | undefined;
  /** OHIF starts only when the pictures are on the screen: it keeps the browser busy for seconds. */
  readonly mayStart: boolean;
  readonly frame: RefObject<HTMLIFrameElement | null>;
  readonly shown: ShownSeries;
  readonly onReady: () => void;
  readonly onParts: (parts: readonly SeriesPart[]) => void;
  /** What OHIF shows, waits for or cannot show, whoever chose it. */
  readonly onShown: (change: ShownChange) => void;
  /** The server no longer gives images: the session may have ended. */
  readonly onRefused: () => void;
}

const words = (values: readonly string[]): string => [...new Set(values)].join(' ');

/** A page that came, and was not that of OHIF (an error of the server, an empty one), tells nothing. */
const silentMs = 3_000;

type Frame = Pick<ImageAreaProps, 'examination' | 'first' | 'frame'> & {
  readonly isReady: boolean;
  readonly isCovered: boolean;
  readonly onLoad: () => void;
};

const OhifFrame = ({ examination, first, frame, isReady, isCovered, onLoad }: Frame) => {
  const series = examination.studies.flatMap((study) => study.series);
  return (
    <iframe
      ref={frame}
      title="Visionneuse d’images"
      className={isReady ? 'ohif' : 'ohif starting'}
      src={`${__OHIF_PATH__}viewer.html`}
      allow="fullscreen"
      // Behind a notice nothing is to be reached by keyboard or read out.
      inert={isCovered}
      onLoad={onLoad}
      data-dicomweb={examination.dicomWebPath}
      data-studies={words(examination.studies.map((study) => study.studyInstanceUid))}
      data-series={words(series.map(({ seriesInstanceUid }) => seriesInstanceUid))}
      data-first={first?.seriesInstanceUid}
      data-first-alone={first?.content === 'images' ? '' : undefined}
      data-classes={words(series.flatMap(({ sopClassUids }) => sopClassUids))}
    />
  );
};

const Notice = ({ examination, shown }: Pick<ImageAreaProps, 'examination' | 'shown'>) => {
  const find = (uid: string | undefined) => {
    for (const study of examination.studies) {
      const series = study.series.find(({ seriesInstanceUid }) => seriesInstanceUid === uid);
      if (series !== undefined) return { series, isInDownload: study.downloadBytes !== undefined };
    }
    return undefined;
  };
  const troubled = find(shown.trouble?.seriesInstanceUid);
  const waitingFor = find(shown.waiting)?.series;
  const inSight = shown.visible.length === 0 ? undefined : find(pressedOf(shown))?.series;
  return (
    <SeriesNotice
      {...(shown.trouble === undefined || troubled === undefined
        ? {}
        : { trouble: { kind: shown.trouble.kind, ...troubled } })}
      {...(waitingFor === undefined ? {} : { waitingFor })}
      {...(inSight === undefined ? {} : { inSight })}
    />
  );
};

export const ImageArea = (props: ImageAreaProps) => {
  const { examination, first, mayStart, frame, shown } = props;
  const [isReady, setReady] = useState(false);
  const [hasFailed, setFailed] = useState(false);
  const [progress, setProgress] = useState({ done: 0, failed: 0 });
  const hasStarted = useRef(false);
  const area = useRef<HTMLElement>(null);
  const start = useStart(mayStart && !isReady, hasFailed);
  const isCovered = shown.trouble !== undefined;
  const hear = (message: OhifMessage): void => {
    switch (message.kind) {
      case 'started':
        hasStarted.current = true;
        return;
      case 'ready':
        setReady(true);
        return props.onReady();
      case 'failed':
        return setFailed(true);
      case 'parts':
        return props.onParts(message.parts);
      case 'progress':
        return setProgress({ done: message.done, failed: message.failed });
      case 'refused':
        return props.onRefused();
      case 'shown':
      case 'waiting':
      case 'not-shown':
      case 'unreadable':
        return props.onShown(message);
    }
  };
  const heard = useRef(hear);
  heard.current = hear;
  useEffect(() => {
    const listen = (event: MessageEvent): void => {
      const message = readOhifMessage(event, frame.current);
      if (message !== undefined) heard.current(message);
    };
    window.addEventListener('message', listen);
    return () => window.removeEventListener('message', listen);
  }, [frame]);
  useEffect(() => {
    if (isCovered && document.activeElement === frame.current) area.current?.focus();
  }, [isCovered, frame]);
  const onLoad = (): void => void setTimeout(() => hasStarted.current || setFailed(true), silentMs);
  return (
    <main ref={area} id="images" className="images" tabIndex={-1} aria-label="Images de l’examen">
      {mayStart && <OhifFrame {...{ examination, first, frame, isReady, isCovered, onLoad }} />}
      {!isReady && <StandIn first={first} start={start} />}
      <Notice examination={examination} shown={shown} />
      <LoadingProgress isReady={isReady} isStarting={start === 'starting'} {...progress} />
    </main>
  );
};
