/**
 * Sign-in, sessions and grants as the entry of the viewer needs them. No rules here: who is who is `sign-in`'s, who may see
 * what is `viewer-access`'s.
 */
import type { Store } from './store/index.ts';
import { DrimboxError } from './errors.ts';
import {
  buildClearCookie,
  buildCsrfToken,
  buildSetCookie,
  CookieName,
  createGrants,
  createSessions,
  createSignInAttempts,
  encodeSecret,
  type FranceConnect,
  IdentityProvider,
  isCsrfToken,
  isOwnOrigin,
  parseCookie,
  type ProSanteConnect,
  secretBytes,
  type Session,
  type SessionOptions,
  type SignedInPatient,
} from './sign-in/index.ts';
import {
  type Browser,
  type EntryPorts,
  type OpenedStudy,
  type OpenSession,
  registeredPaths,
  type SignInDeparture,
  type SignInService,
} from './viewer-access/index.ts';

/** What FranceConnect+ told of a person, and which platform it was. */
export interface PatientTraits {
  readonly person: SignedInPatient;
  readonly issuer: string;
}

export interface ViewerSignInPorts {
  readonly store: Store;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly randomBytes: (size: number) => Buffer;
  readonly proSanteConnect?: ProSanteConnect;
  readonly franceConnect?: FranceConnect;
}

type Entry = EntryPorts<PatientTraits>;
type Open = OpenSession<PatientTraits>;

const providerOf = { psc: IdentityProvider.proSanteConnect, franceconnect: IdentityProvider.franceConnect } as const;
const serviceOf = (provider: IdentityProvider): SignInService =>
  provider === IdentityProvider.proSanteConnect ? 'psc' : 'franceconnect';

const sessionCookie = ({ cookies }: Browser): string | undefined => parseCookie(cookies, CookieName.session);
const browserCookie = ({ cookies }: Browser): string | undefined => parseCookie(cookies, CookieName.browser);

const callbackOf = (browser: Browser, service: SignInService): string =>
  `${browser.origin}${registeredPaths.callback[service]}`;

const openSessionOf = ({ id, signedIn, providerSession, idleEndsAtUtcMs, endsAtUtcMs }: Session): Open => {
  const common = { id: String(id), idleEndsAtUtcMs, endsAtUtcMs };
  if (signedIn.kind === 'patient') {
    const { birthName, givenNames } = signedIn.traits;
    return {
      ...common,
      viewer: { kind: 'patient', traits: { person: signedIn, issuer: providerSession.issuer } },
      name: `${givenNames} ${birthName}`,
      situationsToChoose: [],
    };
  }
  const { nationalId, familyName, givenName, situations } = signedIn;
  const situation = signedIn.situation ?? (situations.length === 1 ? situations[0] : undefined);
  const mustChoose = situation === undefined && situations.length > 1;
  return {
    ...common,
    viewer: { kind: 'professional', nationalId },
    name: [`${givenName} ${familyName}`, situation?.label].filter(Boolean).join(' – '),
    situationsToChoose: mustChoose ? situations.map(({ key, label }) => ({ key, label })) : [],
  };
};

/** Of a study what a grant keeps. */
const keptOf = ({ studyInstanceUid, ins }: OpenedStudy): OpenedStudy => ({ studyInstanceUid, ins });

export type ViewerSignIn = Pick<Entry, 'sessions' | 'signIns' | 'formTokens'>;

export const createViewerSignIn = (ports: ViewerSignInPorts, options: SessionOptions): ViewerSignIn => {
  const { clock, randomBytes, proSanteConnect, franceConnect } = ports;
  const [sessions, grants, attempts] = [
    createSessions(ports, options),
    createGrants(ports, options),
    createSignInAttempts(ports, options),
  ];
  /** With which cookie a session was opened: its grants are sealed under it. */
  const cookies = new WeakMap<Open, string>();
  const opened = (session: Session, cookie: string): Open => {
    const open = openSessionOf(session);
    cookies.set(open, cookie);
    return open;
  };
  const serviceFor = (service: SignInService): ProSanteConnect | FranceConnect | undefined =>
    service === 'psc' ? proSanteConnect : franceConnect;

  const departureOf = async ({ providerSession }: Session, browser: Browser): Promise<SignInDeparture | undefined> => {
    const service = serviceOf(providerSession.provider);
    const postLogoutRedirectUri = `${browser.origin}${registeredPaths.signedOut}`;
    const logout = await serviceFor(service)?.buildLogout({ session: providerSession, postLogoutRedirectUri });
    return logout?.kind === 'logout' ? { url: logout.url, service } : undefined;
  };

  return {
    sessions: {
      load: async (browser) => {
        const cookie = sessionCookie(browser);
        const session = await sessions.load(cookie);
        if (session === undefined || cookie === undefined) return undefined;
        return opened(await sessions.touch(session), cookie);
      },
      chooseSituation: async (open, key) => {
        const cookie = cookies.get(open);
        const session = cookie === undefined ? undefined : await sessions.chooseSituation(cookie, key);
        return session === undefined || cookie === undefined ? undefined : opened(session, cookie);
      },
      grant: async (open, { studies: [first, ...others], ...opening }) => {
        const content = { studies: [keptOf(first), ...others.map(keptOf)] as const, ...opening };
        const added = await grants.add(cookies.get(open) ?? '', content);
        if (added.kind === 'signed-out') throw new DrimboxError('viewer-access/session-ended');
        if (added.kind === 'refused') throw new DrimboxError(added.code);
        return added.grant.value;
      },
      loadGrant: async (browser, value, use) => {
        const cookie = sessionCookie(browser);
        const look = await grants.load(cookie, value);
        if (look.kind !== 'granted' || cookie === undefined) return undefined;
        const session = use === 'looked-at' ? look.session : await sessions.touch(look.session);
        return { ...look.grant, session: opened(session, cookie) };
      },
      end: async (browser) => {
        const session = await sessions.end(sessionCookie(browser));
        const departure = session === undefined ? undefined : await departureOf(session, browser);
        return {
          setCookies: [buildClearCookie(CookieName.session)],
          ...(departure === undefined ? {} : { departure }),
        };
      },
    },

    signIns: {
      begin: async (service, browser, link) => {
        const provider = serviceFor(service);
        if (provider === undefined) return { kind: 'refused', code: 'sign-in/provider-not-configured' };
        const known = browserCookie(browser);
        const cookie = known ?? encodeSecret(randomBytes(secretBytes));
        const begun = await provider.begin(clock(), callbackOf(browser, service));
        if (begun.kind !== 'begun') return { kind: 'refused', code: begun.code };
        const { address } = browser;
        const kept = await attempts.keep({ browser: cookie, attempt: begun.attempt, purpose: link, address });
        if (kept.kind === 'refused') return kept;
        const setCookies = known === undefined ? [buildSetCookie(CookieName.browser, cookie)] : [];
        return { kind: 'departure', url: begun.url, setCookies };
      },
      finish: async (service, browser, currentUrl) => {
        const provider = serviceFor(service);
        if (provider === undefined) return { kind: 'refused', code: 'sign-in/provider-not-configured' };
        const state = currentUrl.searchParams.get('state') ?? '';
        const taken = await attempts.take(browserCookie(browser), providerOf[service], state);
        if (taken.kind === 'refused') return taken;
        const result = await provider.finish(currentUrl, taken.attempt);
        if (result.kind !== 'signed-in') return { kind: 'refused', code: result.code };
        const { who: signedIn, providerSession, notAfterUtcMs } = result;
        const started = await sessions.start({
          signedIn,
          providerSession,
          previousCookie: sessionCookie(browser),
          ...(notAfterUtcMs === undefined ? {} : { notAfterUtcMs }),
        });
        if (started.kind === 'ended-at-provider') return { kind: 'refused', code: 'viewer-access/session-ended' };
        return {
          kind: 'signed-in',
          session: opened(started.session, started.cookie),
          link: String(taken.purpose),
          setCookies: [buildSetCookie(CookieName.session, started.cookie)],
          token: buildCsrfToken(started.cookie, randomBytes),
        };
      },
      endFromService: async (body) => {
        const token = new URLSearchParams(body).get('logout_token') ?? '';
        const verdict = await proSanteConnect?.receiveLogout(token, (order) => sessions.endOfProvider(order));
        if (verdict === undefined || verdict.kind === 'refused') return 400;
        if (verdict.kind === 'unavailable') return 503;
        return 200;
      },
      publicKeys: () => Promise.resolve(franceConnect?.jwks() ?? { keys: [] }),
    },

    formTokens: {
      issue: (browser) => {
        const known = sessionCookie(browser) ?? browserCookie(browser);
        const cookie = known ?? encodeSecret(randomBytes(secretBytes));
        return Promise.resolve({
          token: buildCsrfToken(cookie, randomBytes),
          setCookies: known === undefined ? [buildSetCookie(CookieName.browser, cookie)] : [],
        });
      },
      isGenuine: (browser, source, token) => {
        const isOurs = [sessionCookie(browser), browserCookie(browser)].some((cookie) => isCsrfToken(cookie, token));
        return Promise.resolve(isOurs && isOwnOrigin(source, browser.origin));
      },
    },
  };
};
