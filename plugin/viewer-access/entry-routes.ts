/**
 * The ways in and out: link → choice → sign-in → situation → examination; signing out. One row a route; what a route needs
 * before it answers stands in its first lines.
 *
 * @see facts/spec.md b.7 · decision E6 · DB.VI-SO.07, DB.VI-SO.08, DB.VI-SO.114 to DB.VI-SO.116
 */
import { DrimboxError } from '../errors.ts';
import { forgetImages, sendJson, sendPage, sendRefusal, setCookies } from './answers.ts';
import type { SignInDeparture, SignInService } from './entry-ports.ts';
import {
  admit,
  type Call,
  type EntryContext,
  openLink,
  openOrChoose,
  requireForm,
  requireLink,
  requireSession,
} from './entry-steps.ts';
import { readFormText } from './form-body.ts';
import { buildChoicePage } from './pages/choice-page.ts';
import { buildDeparturePage, buildSignedOutPage } from './pages/farewell-pages.ts';
import { registeredPaths } from './registered-paths.ts';
import { encodeReportLink } from './report-link.ts';
import type { HeaderSet } from './security-headers.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  /** In the notation of express. */
  readonly path: string;
  readonly headers: HeaderSet;
  /** @throws an error of the table: answered as a refusal */
  readonly answer: (call: Call) => Promise<void>;
}

const serviceNames: Readonly<Record<SignInService, string>> = {
  psc: 'Pro Santé Connect',
  franceconnect: 'FranceConnect+',
};

const queryOf = ({ request }: Call): string => {
  const url = request.url ?? '';
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at + 1);
};

/** Only what a service of identity can be: never a script, never plain HTTP. */
const checkDeparture = (url: string): string => {
  if (URL.parse(url)?.protocol === 'https:') return url;
  throw new DrimboxError('general/internal', { detail: 'an address to leave to is not https' });
};

const depart = <Traits>(
  { setting }: EntryContext<Traits>,
  { response }: Call,
  { url, service }: SignInDeparture,
): void =>
  sendPage(response, 200, buildDeparturePage(setting, { url: checkDeparture(url), name: serviceNames[service] }));

/** GET of the link: nothing is looked up but who is signed in already. */
const answerLink = async <Traits>(context: EntryContext<Traits>, call: Call): Promise<void> => {
  admit(context, call);
  const link = encodeReportLink(requireLink(queryOf(call)));
  const session = await context.sessions.load(call.browser);
  const issued = await context.formTokens.issue(call.browser);
  setCookies(call.response, issued.setCookies);
  sendPage(call.response, 200, buildChoicePage(context.setting, { link, token: issued.token }, session?.name));
};

const beginSignIn = async <Traits>(
  context: EntryContext<Traits>,
  call: Call,
  service: SignInService,
): Promise<void> => {
  const form = await requireForm(context, call);
  const link = encodeReportLink(requireLink(form.get('lien') ?? ''));
  const start = await context.signIns.begin(service, call.browser, link);
  if (start.kind === 'refused') throw new DrimboxError(start.code);
  setCookies(call.response, start.setCookies);
  depart(context, call, { url: start.url, service });
};

const finishSignIn = async <Traits>(
  context: EntryContext<Traits>,
  call: Call,
  service: SignInService,
): Promise<void> => {
  admit(context, call);
  const currentUrl = new URL(call.request.url ?? '/', call.browser.origin);
  const end = await context.signIns.finish(service, call.browser, currentUrl);
  if (end.kind === 'refused') throw new DrimboxError(end.code);
  setCookies(call.response, end.setCookies);
  const { session, link: linkText, token } = end;
  await openOrChoose(context, call, session, { link: requireLink(linkText), linkText, token });
};

/** Another link, in a browser where somebody is signed in. */
const continueSession = async <Traits>(context: EntryContext<Traits>, call: Call): Promise<void> => {
  const form = await requireForm(context, call);
  const session = await requireSession(context, call);
  const linkText = form.get('lien') ?? '';
  const token = form.get('jeton') ?? '';
  await openOrChoose(context, call, session, { link: requireLink(linkText), linkText, token });
};

const chooseSituation = async <Traits>(context: EntryContext<Traits>, call: Call): Promise<void> => {
  const form = await requireForm(context, call);
  const session = await requireSession(context, call);
  const linkText = form.get('lien') ?? '';
  const link = requireLink(linkText);
  const chosen = await context.sessions.chooseSituation(session, form.get('situation') ?? '');
  if (chosen !== undefined) return openLink(context, call, chosen, link);
  return openOrChoose(context, call, session, { link, linkText, token: form.get('jeton') ?? '', isRepeated: true });
};

const signOut = async <Traits>(context: EntryContext<Traits>, call: Call): Promise<void> => {
  await requireForm(context, call);
  const ended = await context.sessions.end(call.browser);
  setCookies(call.response, ended.setCookies);
  forgetImages(call.response);
  if (ended.departure !== undefined) return depart(context, call, ended.departure);
  return sendPage(call.response, 200, buildSignedOutPage(context.setting));
};

/** Pro Santé Connect itself calls, without cookies: its signed token says who it is and whose session ends. */
const endFromService = async <Traits>(context: EntryContext<Traits>, call: Call): Promise<void> => {
  admit(context, call);
  const body = await readFormText(call.request);
  const status = await context.signIns.endFromService(body);
  sendJson(call.response, status, status === 200 ? {} : { error: 'invalid_request' });
};

export const createEntryRoutes = <Traits>(context: EntryContext<Traits>, linkPath: string): readonly Route[] => {
  const page = (method: Route['method'], path: string, answer: Route['answer']): Route => ({
    method,
    path,
    headers: 'page',
    answer,
  });
  return [
    page('GET', linkPath, (call) => answerLink(context, call)),
    page('POST', '/connexion/psc', (call) => beginSignIn(context, call, 'psc')),
    page('POST', '/connexion/franceconnect', (call) => beginSignIn(context, call, 'franceconnect')),
    page('GET', registeredPaths.callback.psc, (call) => finishSignIn(context, call, 'psc')),
    page('GET', registeredPaths.callback.franceconnect, (call) => finishSignIn(context, call, 'franceconnect')),
    page('POST', registeredPaths.backChannelLogout, (call) => endFromService(context, call)),
    page('GET', registeredPaths.encryptionKeys, async ({ response }) => {
      const keys = await context.signIns.publicKeys();
      response.setHeader('Cache-Control', 'public, max-age=300');
      sendJson(response, 200, keys);
    }),
    page('POST', '/acces', (call) => continueSession(context, call)),
    page('POST', '/situation', (call) => chooseSituation(context, call)),
    page('POST', '/deconnexion', (call) => signOut(context, call)),
    // Where the services of identity send back to, once their own session has ended.
    page('GET', registeredPaths.signedOut, ({ response }) => {
      forgetImages(response);
      sendPage(response, 200, buildSignedOutPage(context.setting));
      return Promise.resolve();
    }),
    page('GET', '/session-terminee', ({ request, response, browser }) => {
      sendRefusal(context, request, response, { code: 'viewer-access/session-ended', browser, as: 'page' });
      return Promise.resolve();
    }),
  ];
};
