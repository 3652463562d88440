/**
 * The viewer behind the report's link, put together: who signs in, what a link opens, the listener. No rules here.
 *
 * @see facts/spec.md b.7, b.8, b.13 · decisions E5–E9
 */
import { createFindStandingManifest, createLoadReportLink } from './archive/index.ts';
import { asDrimboxError } from './errors.ts';
import {
  createIdentityCheck,
  createSessionPurge,
  matchIdentity,
  openSignInServices,
  type SignInOptions,
} from './sign-in/index.ts';
import {
  buildViewerTlsOptions,
  type CertificateAlerts,
  createServerCertificates,
  serverCertificatesOptions,
} from './trust/index.ts';
import { checkGrant, decideAccess, startViewerListener } from './viewer-access/index.ts';
import {
  createViewerAnswers,
  type ViewerAnswers,
  type ViewerAnswersOptions,
  type ViewerAnswersPorts,
} from './viewer-answers.ts';
import { createBeginOpening, createRecord } from './viewer-records.ts';
import { createViewerSignIn, type PatientTraits } from './viewer-sign-in.ts';

export interface ViewerServiceOptions extends Omit<ViewerAnswersOptions, 'idleMs'> {
  readonly signIn: SignInOptions;
}

export interface ViewerServicePorts extends Omit<ViewerAnswersPorts, 'formTokens'> {
  readonly certificateAlerts: CertificateAlerts;
  readonly status: () => Promise<{ readonly status: 'UP' | 'DOWN' }>;
  readonly wait: (ms: number) => Promise<void>;
}

export interface ViewerService extends Pick<ViewerAnswers, 'heard'> {
  readonly port: number;
  close(): Promise<void>;
}

type Closers = (() => Promise<unknown>)[];

const purgeEveryMs = 60_000;

const closeAll = async (closers: Closers): Promise<void> => {
  for (const close of closers.toReversed()) await close();
};

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
  const { formTokens } = signIn;
  const idleMs = options.signIn.sessions.idleMinutes * 60_000;
  const { viewer, timeZone } = options;
  const examination = await createViewerAnswers({ viewer, idleMs, timeZone }, { ...ports, formTokens });
  closers.push(() => examination.close());
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
