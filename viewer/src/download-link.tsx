/** Takes a copy of a study: its size before, its progress during, what went wrong after. */
import { useRef, useState } from 'react';
import { formatBytes } from './french-format.ts';
import { runDownload, type DownloadEnd, type FileSink } from './resumable-download.ts';
import type { StudyDescription } from './description.ts';

interface FilePicker {
  showSaveFilePicker?(options: object): Promise<{ createWritable(): Promise<FileSink> }>;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly bytes: number; readonly isPaused: boolean }
  | { readonly kind: DownloadEnd };

const endText: Readonly<Record<DownloadEnd, string>> = {
  done: 'Téléchargement terminé.',
  cancelled: 'Téléchargement annulé.',
  refused:
    'Le téléchargement a été refusé. Rechargez la page, puis réessayez. Code : visionneuse/telechargement-refuse',
  broken:
    'Le téléchargement s’est interrompu. Vérifiez votre connexion, puis réessayez. Code : visionneuse/telechargement-interrompu',
  busy: 'Trop de demandes en ce moment. Réessayez dans quelques minutes. Code : visionneuse/telechargement-differe',
  unwritable:
    'Le fichier n’a pas pu être enregistré. Vérifiez la place libre et le dossier choisi, puis réessayez. Code : visionneuse/telechargement-non-enregistre',
};

const chooseFile = async (name: string): Promise<FileSink | undefined> => {
  const picker = window as unknown as FilePicker;
  const file = await picker.showSaveFilePicker?.({
    suggestedName: name,
    types: [{ accept: { 'application/zip': ['.zip'] } }],
  });
  return await file?.createWritable();
};

/** The person closed the choice of a file. */
const isClosedChoice = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

const wordsOf = (state: State): string => {
  if (state.kind === 'idle') return '';
  if (state.kind !== 'running') return endText[state.kind];
  return state.isPaused ? 'Le téléchargement s’est interrompu : nouvel essai dans quelques instants…' : '';
};

interface DownloadProps {
  readonly path: string;
  readonly totalBytes: number;
  readonly fileName: string;
}

const RunningDownload = ({ path, totalBytes, fileName }: DownloadProps) => {
  const [state, setState] = useState<State>({ kind: 'idle' });
  const running = useRef<AbortController>(undefined);
  const size = formatBytes(totalBytes);

  const start = async (event: React.MouseEvent): Promise<void> => {
    // Without it the link does what links do: the browser downloads and shows progress itself.
    if (!('showSaveFilePicker' in window)) return;
    event.preventDefault();
    if (running.current !== undefined) return;
    running.current = new AbortController();
    const { signal } = running.current;
    try {
      const sink = await chooseFile(fileName);
      if (sink === undefined) return;
      let written = 0;
      const run = (isPaused: boolean): void => setState({ kind: 'running', bytes: written, isPaused });
      run(false);
      const onProgress = (bytes: number): void => {
        written = bytes;
        run(false);
      };
      setState({
        kind: await runDownload({
          path,
          totalBytes,
          sink,
          onProgress,
          onPause: () => run(true),
          signal,
        }),
      });
    } catch (error) {
      setState({ kind: isClosedChoice(error) ? 'cancelled' : 'unwritable' });
    } finally {
      running.current = undefined;
    }
  };

  return (
    <div className="download">
      <a href={path} download={fileName} onClick={(event) => void start(event)}>
        Télécharger les images <span className="download-size">(ZIP, {size})</span>
      </a>
      {state.kind === 'running' && (
        <p>
          <progress aria-label="Téléchargement" value={state.bytes} max={totalBytes} />
          <span>
            {formatBytes(state.bytes)} sur {size}
          </span>
          <button type="button" onClick={() => running.current?.abort()}>
            Annuler
          </button>
        </p>
      )}
      <p role="status">{wordsOf(state)}</p>
    </div>
  );
};

/** @param number  place of the study on the page, from 1 */
export const DownloadLink = ({ study, number }: { readonly study: StudyDescription; readonly number: number }) =>
  study.downloadBytes === undefined ? (
    <p className="download">Le téléchargement n’est pas possible pour le moment. Réessayez plus tard.</p>
  ) : (
    <RunningDownload
      path={study.downloadPath}
      totalBytes={study.downloadBytes}
      fileName={number === 1 ? 'images.zip' : `images-${number}.zip`}
    />
  );
