/**
 * A listener `vi` on real TLS, with everything behind it faked: two patients, two professionals, one study each, invented.
 * A small browser beside it, which keeps no cookies but those it is given.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServedManifest } from '../../plugin/archive/index.ts';
import { DrimboxError, type ErrorCode } from '../../plugin/errors.ts';
import {
  type AccessDecision,
  type AnswerExamination,
  type AnswerLink,
  type EntryRecord,
  type Examination,
  type GrantCheck,
  type GrantedStudy,
  type OpenSession,
  startViewerListener,
  type ViewerListener,
  type ViewerListenerPorts,
  viewerAccessOptions,
} from '../../plugin/viewer-access/index.ts';
import type { TestCa } from '../peers/ca/test-ca.ts';

export interface Traits {
  readonly name: string;
}

export const studyOf = (number: number): string => `1.2.250.1.999999.30.${number}`;
export const insOf = (number: number) => ({ value: `28503123456780${number}`, oid: '1.2.250.1.213.1.4.10' }) as const;
export const grantOf = (number: number): string => `grant-of-study-number-${number}`;
export const linkOf = (number: number): string =>
  `requestType=STUDY&studyUID=${studyOf(number)}&accessionNumber=ACN-${number}&idCDA=1.2.250.1.999999.20.${number}`;
export const pathOf = (number: number): string => `/IHEInvokeImageDisplay?${linkOf(number)}`;
export const cookieOf = (person: string): string => `__Host-drimbox=${person}`;

const ends = { idleEndsAtUtcMs: 1_800_000_000_000, endsAtUtcMs: 1_800_010_000_000 };
const patient = (name: string): OpenSession<Traits> => ({
  id: name,
  ...ends,
  viewer: { kind: 'patient', traits: { name } },
  name,
  situationsToChoose: [],
});
const professional = (name: string, situations: readonly string[] = []): OpenSession<Traits> => ({
  id: name,
  ...ends,
  viewer: { kind: 'professional', nationalId: name },
  name,
  situationsToChoose: situations.map((label, at) => ({ key: `s${at}`, label })),
});

/** Person → whose study number is theirs. */
export const people: Readonly<
  Record<string, { readonly session: OpenSession<Traits>; readonly study: number; readonly others?: readonly number[] }>
> = {
  camille: { session: patient('camille'), study: 1 },
  alex: { session: patient('alex'), study: 2 },
  docteur: { session: professional('docteur'), study: 3 },
  autre: { session: professional('autre'), study: 4 },
  famille: { session: patient('famille'), study: 5, others: [6, 7] },
};

export const manifestOf = (number: number): ServedManifest => ({
  submissionId: number,
  studyInstanceUid: studyOf(number),
  ins: insOf(number),
  structureId: '1990000001',
  series: new Map(),
  restrictions: { maskedFromProfessionals: false, invisibleToPatient: false, invisibleToRepresentatives: false },
  authorIds: [],
});

/** What a test may change while the listener runs, and what it may look at. */
export interface FakedWorld {
  decide: (study: string, session: OpenSession<Traits>) => AccessDecision | Error;
  checkGrant: (study: string) => GrantCheck;
  signedInAs: OpenSession<Traits> | undefined;
  recordFails: boolean;
  status: 'UP' | 'DOWN';
  readonly records: EntryRecord<Traits>[];
  /** Studies about to be opened, and what was told of it: `opened`, or why not. */
  readonly openings: { readonly studies: readonly string[]; told: ErrorCode | 'opened' | undefined }[];
  /** Why sessions open nothing more. */
  grantFails: ErrorCode | undefined;
  /** Answers given for an examination: its study and what was asked of it. */
  readonly shown: { readonly study: string; readonly url: string; readonly what: string }[];
  /** How each grant was asked for. */
  readonly uses: ('used' | 'looked-at')[];
  /** Of those who were shown a page. */
  readonly linkPaths: string[];
  readonly waits: number[];
  readonly begun: { readonly service: string; readonly link: string }[];
  readonly logged: object[];
  nowMs: number;
  /** What the waiting before a refusal waits for. */
  pause: Promise<void>;
}

const numberOf = (study: string): number => Number(study.split('.').at(-1));
const granted = (study: string): GrantedStudy => ({
  studyInstanceUid: study,
  kosSopInstanceUid: `${study}.99`,
  ins: insOf(numberOf(study)),
});

export const makeWorld = (): FakedWorld => ({
  decide: (study, { id }) =>
    people[id]?.study === numberOf(study)
      ? { kind: 'granted', studies: [granted(study)] }
      : { kind: 'refused', reason: 'viewer-access/identity-mismatch', ins: insOf(numberOf(study)) },
  checkGrant: (study) => ({
    kind: 'open',
    manifest: manifestOf(numberOf(study)),
    kosSopInstanceUid: `${study}.99`,
  }),
  signedInAs: undefined,
  recordFails: false,
  status: 'UP',
  records: [],
  openings: [],
  grantFails: undefined,
  shown: [],
  uses: [],
  linkPaths: [],
  waits: [],
  begun: [],
  logged: [],
  nowMs: 0,
  pause: Promise.resolve(),
});

/** The form token of a fake browser is its own cookie, reversed. */
export const tokenOf = (cookies: string): string => cookies.split('').toReversed().join('');

type FakedPorts = Omit<ViewerListenerPorts<Traits>, 'tls' | 'staticFolder'>;

const portsOf = (world: FakedWorld): FakedPorts => {
  const sessionOf = (cookies: string | undefined) =>
    people[/__Host-drimbox=(\w+)/.exec(cookies ?? '')?.[1] ?? '']?.session;
  const show =
    (what: string): AnswerExamination<Traits> =>
    ({ manifest }: Examination<Traits>, { url = '' }, response: ServerResponse) => {
      world.shown.push({ study: manifest.studyInstanceUid, url, what });
      response.end(`${what} ${manifest.studyInstanceUid} ${url}`);
      return Promise.resolve();
    };
  const showAll =
    (what: string): AnswerLink<Traits> =>
    ({ examinations, linkPath }, asked, response) => {
      world.linkPaths.push(linkPath);
      const [first, ...others] = examinations;
      for (const { manifest, number } of others) {
        world.shown.push({ study: manifest.studyInstanceUid, url: `${number}`, what });
      }
      return show(what)(first, asked, response);
    };
  let correlation = 0;
  return {
    version: '9.8.7',
    sessions: {
      load: ({ cookies }) => Promise.resolve(sessionOf(cookies)),
      chooseSituation: (session, key) =>
        Promise.resolve(
          session.situationsToChoose.some((one) => one.key === key)
            ? { ...session, situationsToChoose: [] }
            : undefined,
        ),
      grant: (_, { studies: [{ studyInstanceUid }] }) =>
        world.grantFails === undefined
          ? Promise.resolve(grantOf(numberOf(studyInstanceUid)))
          : Promise.reject(new DrimboxError(world.grantFails)),
      loadGrant: ({ cookies }, value, use = 'used') => {
        world.uses.push(use);
        const session = sessionOf(cookies);
        const study = people[session?.id ?? '']?.study ?? 0;
        const isOwn = session !== undefined && value === grantOf(study);
        const opened = (number: number) => ({ studyInstanceUid: studyOf(number), ins: insOf(number) });
        const others = people[session?.id ?? '']?.others ?? [];
        const studies = [opened(study), ...others.map(opened)] as const;
        return Promise.resolve(isOwn ? { session, studies, link: linkOf(study) } : undefined);
      },
      end: () =>
        Promise.resolve({
          setCookies: ['__Host-drimbox=; Max-Age=0; Path=/; Secure'],
          departure: { url: 'https://psc.example.test/logout?a=1&b=2', service: 'psc' },
        }),
    },
    signIns: {
      begin: (service, _, link) => {
        world.begun.push({ service, link });
        return Promise.resolve({
          kind: 'departure',
          url: 'https://identity.example.test/authorize?state=x&nonce=y',
          setCookies: ['__Host-drimbox-browser=b; Path=/; Secure'],
        });
      },
      finish: (service) =>
        Promise.resolve(
          world.signedInAs === undefined
            ? { kind: 'refused', code: 'viewer-access/session-ended' }
            : {
                kind: 'signed-in',
                session: world.signedInAs,
                link: linkOf(service === 'psc' ? 3 : 1),
                setCookies: [`${cookieOf(world.signedInAs.id)}; Path=/; Secure`],
                token: 'fresh',
              },
        ),
      endFromService: (body) => Promise.resolve(body.startsWith('logout_token=') ? 200 : 400),
      publicKeys: () => Promise.resolve({ keys: [{ kty: 'EC', use: 'enc' }] }),
    },
    formTokens: {
      issue: ({ cookies }) => Promise.resolve({ token: tokenOf(cookies ?? ''), setCookies: [] }),
      isGenuine: ({ cookies, origin }, source, token) =>
        Promise.resolve(
          token === tokenOf(cookies ?? 'none') && (source.origin === origin || source.fetchSite === 'same-origin'),
        ),
    },
    decide: (link, viewer) => {
      const session = Object.values(people).find((one) => one.session.viewer === viewer)?.session ?? world.signedInAs;
      const decision = session === undefined ? new Error('nobody') : world.decide(link.studyInstanceUid, session);
      return decision instanceof Error ? Promise.reject(decision) : Promise.resolve(decision);
    },
    checkGrant: ({ studyInstanceUid }) => Promise.resolve(world.checkGrant(studyInstanceUid)),
    record: (record) => {
      world.records.push(record);
      return world.recordFails ? Promise.reject(new Error('no audit')) : Promise.resolve();
    },
    beginOpening: ({ studies }) => {
      if (world.recordFails) return Promise.reject(new DrimboxError('audit/unavailable'));
      const opening: FakedWorld['openings'][number] = {
        studies: studies.map(({ studyInstanceUid }) => studyInstanceUid),
        told: undefined,
      };
      world.openings.push(opening);
      return Promise.resolve((failure) => {
        opening.told = failure ?? 'opened';
        return Promise.resolve();
      });
    },
    examination: {
      shell: showAll('shell'),
      description: showAll('description'),
      state: showAll('state'),
      dicomWeb: show('dicomweb'),
      preview: show('preview'),
      archive: show('archive'),
    },
    log: { warn: (fields) => world.logged.push(fields) },
    newCorrelationId: () => `REF-${(correlation += 1)}`,
    monotonic: () => world.nowMs,
    wait: (ms) => {
      world.waits.push(ms);
      return world.pause;
    },
    status: () => Promise.resolve({ status: world.status }),
  };
};

/** A built viewer of a few files. */
export const makeStaticFolder = (): { readonly folder: string; readonly remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-static-'));
  const put = (name: string, text: string): void => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  };
  put('index.html', '<!doctype html><title>shell</title>');
  put('ohif/app.bundle.0123456789abcdef.js', 'plain script');
  put('ohif/app.bundle.0123456789abcdef.js.br', 'BROTLI');
  put('ohif/app.bundle.0123456789abcdef.js.gz', 'GZIP');
  put('ohif/app.bundle.0123456789abcdef.js.map', 'map');
  put('ohif/dicom-microscopy-viewer.js', 'not hashed');
  put('ohif-0123456789ab/viewer.css', 'in a folder with a hash');
  put('served.json', JSON.stringify({ ahead: ['ohif/app.bundle.0123456789abcdef.js', 'not-there.js'] }));
  put('assets/shell-B8xQ_2kZ.css', 'a{}');
  put('.secret', 'secret');
  put('codec.wasm', '\0asm');
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
};

/** @param change  ports that are not the faked ones */
export const startEntry = (
  ca: TestCa,
  staticFolder: string,
  world: FakedWorld,
  options: Readonly<Record<string, unknown>> = {},
  change: (faked: FakedPorts) => Partial<FakedPorts> = () => ({}),
): Promise<ViewerListener> => {
  const faked = portsOf(world);
  const { certificateFile, keyFile } = ca.server;
  return startViewerListener(
    viewerAccessOptions.parse({
      host: '127.0.0.1',
      port: 0,
      certificates: [{ name: 'localhost', certificateFile, keyFile }],
      siteName: 'Centre d’imagerie Exemple <1>',
      ...options,
    }),
    {
      ...faked,
      ...change(faked),
      tls: { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
      staticFolder,
    },
  );
};

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly cookies?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One request over HTTP/1.1, on its own connection. */
export const ask = (
  port: number,
  path: string,
  { method = 'GET', cookies, headers = {}, body }: Asked = {},
): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        agent: false,
        rejectUnauthorized: false,
        headers: {
          Host: `localhost:${port}`,
          Accept: 'text/html',
          ...(cookies === undefined ? {} : { Cookie: cookies }),
          ...(body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });

/** A form of our own pages, as a browser sends it. */
export const submit = (
  port: number,
  path: string,
  fields: Readonly<Record<string, string>>,
  cookies = cookieOf('nobody'),
): Promise<Answered> =>
  ask(port, path, {
    method: 'POST',
    cookies,
    headers: { Origin: `https://localhost:${port}`, 'Sec-Fetch-Site': 'same-origin' },
    body: new URLSearchParams({ jeton: tokenOf(cookies), ...fields }).toString(),
  });
