/**
 * The viewer behind the report's link, put together: who signs in, what a link opens, what is shown and written down. No rules
 * here.
 *
 * @see facts/spec.md b.7, b.8, b.13 · decisions E5–E9
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createFindStandingManifest,
  createLoadArchivedExamination,
  createLoadReportLink,
  type LoadServing,
} from './archive/index.ts';
import type { Audit } from './audit/index.ts';
import { asDrimboxError, DrimboxError } from './errors.ts';
import type { DrimboxEvent } from './events.ts';
import type { FileIndex } from './orthanc/index.ts';
import {
  createIdentityCheck,
  createSessionPurge,
  matchIdentity,
  openSignInServices,
  type SignInOptions,
} from './sign-in/index.ts';
import type { Store } from './store/index.ts';
import {
  buildViewerTlsOptions,
  type CertificateAlerts,
  createServerCertificates,
  serverCertificatesOptions,
} from './trust/index.ts';
import {
  type AnswerExamination,
  type AnswerLink,
  checkGrant,
  createSeriesPreviews,
  createViewerDicomWeb,
  createZipAnswer,
  decideAccess,
  type DescribedStudy,
  describeExamination,
  findFirstPreview,
  type Examination,
  type ImagesCall,
  lineSpeedHints,
  startViewerListener,
  type ViewedStudy,
  type ViewerAccessOptions,
  type ViewerImagesOptions,
} from './viewer-access/index.ts';
import { beginDownload, bytesEvent, createBeginOpening, createRecord } from './viewer-records.ts';
import { createViewerSignIn, type PatientTraits } from './viewer-sign-in.ts';
import type { ImageStore, Workshop } from './wado/index.ts';

export interface ViewerServiceOptions {
  readonly viewer: ViewerAccessOptions & { readonly images: ViewerImagesOptions };
  readonly signIn: SignInOptions;
  readonly timeZone: string;
}

export interface ViewerServicePorts {
  readonly store: Store;
  readonly audit: Audit;
  readonly images: ImageStore;
  readonly workshop: Workshop;
  readonly files: FileIndex;
  readonly loadServing: LoadServing;
  readonly keepEvents: (events: readonly DrimboxEvent[]) => void;
  readonly certificateAlerts: CertificateAlerts;
  readonly status: () => Promise<{ readonly status: 'UP' | 'DOWN' }>;
  readonly log: { warn(fields: object, message: string): void };
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly newUuid: () => string;
  readonly newUid: () => string;
  readonly wait: (ms: number) => Promise<void>;
  readonly softwareVersion: string;
  readonly implementationClassUid: string;
  /** Of the built viewer, unless configured. */
  readonly staticFolder: string;
}

export interface ViewerService {
  readonly port: number;
  /** What happened to a study: what is kept of one that left the DMP is dropped (decision E5). */
  readonly heard: (event: DrimboxEvent) => void;
  close(): Promise<void>;
}

type Open = Examination<PatientTraits>;
type Answer = AnswerExamination<PatientTraits>;
type LinkAnswer = AnswerLink<PatientTraits>;
type Closers = (() => Promise<unknown>)[];

const purgeEveryMs = 60_000;

const closeAll = async (closers: Closers): Promise<void> => {
  for (const close of closers.toReversed()) await close();
};

// What is shown --------------------------------------------------------------------------------------------------------

const viewedOf = ({ session, manifest, kosSopInstanceUid }: Open): ViewedStudy => ({
  sessionKey: session.id,
  kosSopInstanceUid,
  manifest,
});

/** Identity may stand in it. */
const sendJson = (response: Parameters<LinkAnswer>[2], body: string): void => {
  response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(body);
};

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
  { store, loadServing, log }: ViewerServicePorts,
  fill: (viewed: ViewedStudy, signal: AbortSignal) => Promise<void>,
  closers: Closers,
): ((studyInstanceUid: string) => void) => {
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
  closers.push(() => {
    stopping.abort();
    return last;
  });
  return (studyInstanceUid) => {
    last = last
      .then(() => prefill(studyInstanceUid))
      .catch((error: unknown) => {
        log.warn({ code: asDrimboxError(error).code }, 'a published study was not prepared for the viewer');
      });
  };
};

const createExaminationAnswers = async (
  { viewer, signIn: { sessions }, timeZone }: ViewerServiceOptions,
  ports: ViewerServicePorts,
  signIn: ReturnType<typeof createViewerSignIn>,
  closers: Closers,
) => {
  const { images, workshop, monotonic, randomBytes, log, store, clock, softwareVersion, keepEvents } = ports;
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
  closers.push(() => dicomWeb.close());
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
    const [form, ...studies] = await Promise.all([
      signIn.formTokens.issue(browser),
      describe(first),
      ...others.map(describe),
    ]);
    const body = JSON.stringify(
      describeExamination({
        studies,
        ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
        person: { kind: session.viewer.kind, name: session.name },
        basePath,
        softwareVersion,
        formToken: form.token,
        linkPath,
        endsAtUtcMs: signIn.endsOf(session).endsAtUtcMs,
        idleMs: sessions.idleMinutes * 60_000,
      }),
    );
    sendJson(response, body);
  };

  const state: LinkAnswer = async ({ session, browser, examinations }, _, response) => {
    const { token } = await signIn.formTokens.issue(browser);
    const studies = examinations.map(({ manifest }) => manifest.studyInstanceUid);
    sendJson(response, JSON.stringify({ ...signIn.endsOf(session), studies, formToken: token }));
  };

  const prefill = createPrefill(
    ports,
    async (viewed, signal) => {
      await previews.prefill(viewed, signal);
      await dicomWeb.prefill(viewed, signal);
    },
    closers,
  );

  return {
    heard: ({ name, studyInstanceUid }: DrimboxEvent): void => {
      if (studyInstanceUid === undefined) return;
      if (endings.has(name)) dicomWeb.dropStudy(studyInstanceUid);
      if (viewer.images.prefillPublished && beginnings.has(name)) prefill(studyInstanceUid);
    },
    answers: {
      shell: await createShell(viewer.staticFolder ?? ports.staticFolder),
      description,
      state,
      dicomWeb: (open: Open, request: Parameters<Answer>[1], response: Parameters<Answer>[2]) =>
        dicomWeb.answer(callOf(open, request, response)),
      preview: (open: Open, request: Parameters<Answer>[1], response: Parameters<Answer>[2]) => {
        const [, series = ''] = /^\/([^/?]+)\.jpg$/.exec((request.url ?? '').split('?')[0] ?? '') ?? [];
        return previews.answer(callOf(open, request, response), decodeURIComponent(series));
      },
      archive: zip.answer,
    },
  };
};

// ----------------------------------------------------------------------------------------------------------------------

const openSignIn = async ({ signIn }: ViewerServiceOptions, ports: ViewerServicePorts, closers: Closers) => {
  const { clock, randomBytes, store, certificateAlerts: alerts } = ports;
  const { close, ...services } = await openSignInServices(signIn, { clock, randomBytes, alerts });
  closers.push(close);
  return createViewerSignIn({ store, clock, randomBytes, ...services }, signIn.sessions);
};

const startPurge = (
  { store, clock, log }: ViewerServicePorts,
  { signIn }: ViewerServiceOptions,
  closers: Closers,
): void => {
  const purge = createSessionPurge({ store, clock }, signIn.sessions);
  const timer = setInterval(() => {
    purge().catch((error: unknown) => {
      log.warn({ code: asDrimboxError(error).code }, 'ended sessions were not deleted yet');
    });
  }, purgeEveryMs);
  timer.unref();
  closers.push(() => Promise.resolve(clearInterval(timer)));
};

const start = async (
  options: ViewerServiceOptions,
  ports: ViewerServicePorts,
  closers: Closers,
): Promise<Omit<ViewerService, 'close'>> => {
  const { viewer } = options;
  const { store, clock, loadServing } = ports;
  const signIn = await openSignIn(options, ports, closers);
  startPurge(ports, options, closers);
  const identity = createIdentityCheck({ store, clock }, options.signIn.sessions);
  const access = {
    loadServing,
    loadReportLink: createLoadReportLink(store.knex),
    findStandingManifest: createFindStandingManifest(store.knex),
    matchIdentity: async (
      { person, issuer }: PatientTraits,
      patient: Parameters<typeof identity>[0]['patient'],
      studyInstanceUid: string,
    ) => {
      const verdict = await identity({ person, issuer, studyInstanceUid, patient });
      return verdict.kind === 'refused' ? ({ kind: 'refused' } as const) : verdict;
    },
    compareIdentity: ({ person }: PatientTraits, patient: Parameters<typeof identity>[0]['patient']) =>
      matchIdentity(person.traits, patient),
  };
  const examination = await createExaminationAnswers(options, ports, signIn, closers);
  const certificates = await createServerCertificates(
    serverCertificatesOptions.parse({ certificates: viewer.certificates }),
    { shared: buildViewerTlsOptions(), clock, alerts: ports.certificateAlerts },
  );
  closers.push(() => Promise.resolve(certificates.stop()));
  certificates.start();
  const listener = await startViewerListener<PatientTraits>(viewer, {
    ...signIn,
    decide: (link, who) => decideAccess(access, link, who),
    checkGrant: (grant, who) => checkGrant(access, grant, who),
    record: createRecord(ports),
    beginOpening: createBeginOpening(ports),
    examination: examination.answers,
    log: ports.log,
    newCorrelationId: ports.newUuid,
    monotonic: ports.monotonic,
    wait: ports.wait,
    tls: { ...certificates.defaultContext(), SNICallback: certificates.chooseContext },
    onServer: (server) => certificates.attach(server),
    status: ports.status,
    version: ports.softwareVersion,
    staticFolder: ports.staticFolder,
  });
  closers.push(() => listener.close());
  return { port: listener.port, heard: examination.heard };
};

/**
 * @throws viewer-access/listen-failed, viewer-access/files-missing · config/* · trust/*: certificates that cannot be used; what
 *   was opened is closed again
 */
export const startViewerService = async (
  options: ViewerServiceOptions,
  ports: ViewerServicePorts,
): Promise<ViewerService> => {
  const closers: Closers = [];
  try {
    const started = await start(options, ports, closers);
    return { ...started, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
};
