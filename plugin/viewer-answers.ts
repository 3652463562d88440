/**
 * What is answered about what a link opened: the page, what it is told, images, pictures, the download. Put together here; the
 * rules are those of `viewer-access`.
 *
 * @see facts/spec.md b.7, b.8 · decision E5
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createFindStandingManifest, createLoadArchivedExamination, type LoadServing } from './archive/index.ts';
import { asDrimboxError, DrimboxError } from './errors.ts';
import type { DrimboxEvent } from './events.ts';
import type { FileIndex } from './orthanc/index.ts';
import type { Store } from './store/index.ts';
import {
  type AnswerExamination,
  type AnswerLink,
  createSeriesPreviews,
  createViewerDicomWeb,
  createZipAnswer,
  type DescribedStudy,
  describeExamination,
  type Examination,
  type ExaminationAnswers,
  findFirstPreview,
  type FormTokens,
  type ImagesCall,
  lineSpeedHints,
  sendJson,
  type ViewedStudy,
  type ViewerAccessOptions,
  type ViewerImagesOptions,
} from './viewer-access/index.ts';
import { beginDownload, bytesEvent, type ViewerRecordPorts } from './viewer-records.ts';
import type { PatientTraits } from './viewer-sign-in.ts';
import type { ImageStore, Workshop } from './wado/index.ts';

export interface ViewerAnswersOptions {
  readonly viewer: ViewerAccessOptions & { readonly images: ViewerImagesOptions };
  /** Without use a session ends after so long. */
  readonly idleMs: number;
  readonly timeZone: string;
}

export interface ViewerAnswersPorts extends ViewerRecordPorts {
  readonly store: Store;
  readonly images: ImageStore;
  readonly workshop: Workshop;
  readonly files: FileIndex;
  readonly loadServing: LoadServing;
  readonly formTokens: FormTokens;
  readonly log: { warn(fields: object, message: string): void };
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly newUuid: () => string;
  readonly newUid: () => string;
  readonly softwareVersion: string;
  readonly implementationClassUid: string;
  /** Of the built viewer, unless configured. */
  readonly staticFolder: string;
}

type Open = Examination<PatientTraits>;
type Answer = AnswerExamination<PatientTraits>;
type LinkAnswer = AnswerLink<PatientTraits>;

const viewedOf = ({ session, manifest, kosSopInstanceUid }: Open): ViewedStudy => ({
  sessionKey: session.id,
  kosSopInstanceUid,
  manifest,
});

const callOf = (open: Open, request: Parameters<Answer>[1], response: Parameters<Answer>[2]): ImagesCall => ({
  request,
  response,
  viewed: viewedOf(open),
  rootPath: `${open.basePath}/dicomweb`,
  isStillOpen: open.isStillOpen,
});

const createShell = async (staticFolder: string): Promise<LinkAnswer> => {
  const file = join(staticFolder, 'examen.html');
  const page = await readFile(file).catch((cause: unknown) => {
    throw new DrimboxError('viewer-access/files-missing', { cause, detail: file });
  });
  return (link, _, response) => {
    const picture = findFirstPreview(link);
    const ahead = [
      `<${link.basePath}/description>; rel=preload; as=fetch; crossorigin`,
      ...(picture === undefined ? [] : [`<${picture}>; rel=preload; as=image`]),
    ];
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': page.length,
      'Cache-Control': 'no-store',
      'Accept-CH': lineSpeedHints,
      Link: ahead.join(', '),
    });
    response.end(page);
    return Promise.resolve();
  };
};

/** Events after which a study has a manifest that was not looked at yet. */
const beginnings: ReadonlySet<string> = new Set(['dmp/published', 'dmp/replaced']);
/** Events after which nothing of a study may be kept. */
const endings: ReadonlySet<string> = new Set(['dmp/deleted', 'dmp/withdrawn', 'dmp/replaced', 'study/held']);

/** Makes what a browser asks first as soon as a study is published, one study after the other. Nobody waits for it. */
const createPrefill = (
  { store, loadServing, log }: ViewerAnswersPorts,
  fill: (viewed: ViewedStudy, signal: AbortSignal) => Promise<void>,
) => {
  const findManifest = createFindStandingManifest(store.knex);
  const stopping = new AbortController();
  let last: Promise<void> = Promise.resolve();
  const prefill = async (studyInstanceUid: string): Promise<void> => {
    if (stopping.signal.aborted) return;
    const kosSopInstanceUid = await findManifest(studyInstanceUid);
    if (kosSopInstanceUid === undefined) return;
    const serving = await loadServing(kosSopInstanceUid);
    if (serving.kind !== 'served') return;
    await fill({ sessionKey: 'prefill', kosSopInstanceUid, manifest: serving.manifest }, stopping.signal);
  };
  return {
    begin: (studyInstanceUid: string): void => {
      last = last
        .then(() => prefill(studyInstanceUid))
        .catch((error: unknown) => {
          log.warn({ code: asDrimboxError(error).code }, 'a published study was not prepared for the viewer');
        });
    },
    close: (): Promise<void> => {
      stopping.abort();
      return last;
    },
  };
};

export interface ViewerAnswers {
  readonly answers: ExaminationAnswers<PatientTraits>;
  /** What happened to a study: what is kept of one that left the DMP is dropped (decision E5). */
  readonly heard: (event: DrimboxEvent) => void;
  readonly close: () => Promise<void>;
}

/** @throws viewer-access/files-missing */
export const createViewerAnswers = async (
  { viewer, idleMs, timeZone }: ViewerAnswersOptions,
  ports: ViewerAnswersPorts,
): Promise<ViewerAnswers> => {
  const { images, workshop, monotonic, randomBytes, log, store, clock, softwareVersion, keepEvents, formTokens } =
    ports;
  const shell = await createShell(viewer.staticFolder ?? ports.staticFolder);
  const dicomWeb = createViewerDicomWeb(viewer.images, {
    images,
    workshop,
    monotonic,
    randomBytes,
    newCorrelationId: ports.newUuid,
    software: softwareVersion,
    log,
    tell: ({ viewed, bytes }) => {
      const { studyInstanceUid, structureId } = viewed.manifest;
      keepEvents(bytesEvent(studyInstanceUid, structureId, bytes));
    },
  });
  const previews = createSeriesPreviews(dicomWeb);
  const loadExamination = createLoadArchivedExamination(store.knex);
  const zip = createZipAnswer<PatientTraits>({
    images,
    files: ports.files,
    clock,
    monotonic,
    newUid: ports.newUid,
    implementationClassUid: ports.implementationClassUid,
    timeZone,
    idleMs: viewer.limits.idleSeconds * 1_000,
    begin: beginDownload(ports),
  });

  /** Without a size there is no download; the images are shown all the same. */
  const sizeOf = async (open: Open): Promise<Pick<DescribedStudy, 'downloadBytes'>> => {
    try {
      return { downloadBytes: await zip.sizeOf(open) };
    } catch (error) {
      const { correlationId } = open.browser;
      log.warn({ code: asDrimboxError(error).code, correlationId }, 'an examination cannot be downloaded now');
      return {};
    }
  };

  const describe = async (open: Open): Promise<DescribedStudy> => {
    const { manifest, number } = open;
    const [examination, size] = await Promise.all([loadExamination(manifest.submissionId), sizeOf(open)]);
    if (examination === undefined) throw new DrimboxError('viewer-access/session-ended');
    return { examination, manifest, number, ...size };
  };

  const description: LinkAnswer = async (link, _, response) => {
    const { session, browser, basePath, linkPath, seriesInstanceUid } = link;
    const [first, ...others] = link.examinations;
    const [form, ...studies] = await Promise.all([formTokens.issue(browser), describe(first), ...others.map(describe)]);
    sendJson(
      response,
      200,
      describeExamination({
        studies,
        ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
        person: { kind: session.viewer.kind, name: session.name },
        basePath,
        softwareVersion,
        formToken: form.token,
        linkPath,
        endsAtUtcMs: session.endsAtUtcMs,
        idleMs,
      }),
    );
  };

  const state: LinkAnswer = async ({ session, browser, examinations }, _, response) => {
    const { token: formToken } = await formTokens.issue(browser);
    const { idleEndsAtUtcMs } = session;
    const studies = examinations.map(({ manifest }) => manifest.studyInstanceUid);
    sendJson(response, 200, { idleEndsAtUtcMs, studies, formToken });
  };

  const prefill = createPrefill(ports, async (viewed, signal) => {
    await previews.prefill(viewed, signal);
    await dicomWeb.prefill(viewed, signal);
  });

  return {
    heard: ({ name, studyInstanceUid }) => {
      if (studyInstanceUid === undefined) return;
      if (endings.has(name)) dicomWeb.dropStudy(studyInstanceUid);
      if (viewer.images.prefillPublished && beginnings.has(name)) prefill.begin(studyInstanceUid);
    },
    answers: {
      shell,
      description,
      state,
      dicomWeb: (open, request, response) => dicomWeb.answer(callOf(open, request, response)),
      preview: (open, request, response) => {
        const [, series = ''] = /^\/([^/?]+)\.jpg$/.exec((request.url ?? '').split('?')[0] ?? '') ?? [];
        return previews.answer(callOf(open, request, response), decodeURIComponent(series));
      },
      archive: zip.answer,
    },
    close: async () => {
      await prefill.close();
      await dicomWeb.close();
    },
  };
};
