/** From a link and somebody signed in to an open examination or the one refusal page: the steps every way in shares. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import type { AccessDecision } from './access-decision.ts';
import { redirect, sendPage, sendRefusal } from './answers.ts';
import { readFormSource } from './browser.ts';
import type { Browser, EntryPorts, OpenSession } from './entry-ports.ts';
import { parseForm, readFormText } from './form-body.ts';
import type { LinkThrottle } from './link-throttle.ts';
import type { PageSetting } from './pages/layout.ts';
import { buildSituationPage } from './pages/situation-page.ts';
import { encodeReportLink, parseReportLink, type ReportLink } from './report-link.ts';
import { waitUniformly } from './uniform-time.ts';

export interface EntryContext<Traits> extends EntryPorts<Traits> {
  readonly setting: PageSetting;
  readonly throttle: LinkThrottle;
  /** Every refusal of a link takes this long, or a multiple. */
  readonly refusalMs: number;
}

export interface Call {
  readonly browser: Browser;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** @throws viewer-access/link-malformed */
export const requireLink = (query: string): ReportLink => {
  const parsed = parseReportLink(query);
  if (parsed.kind === 'link') return parsed.link;
  throw new DrimboxError('viewer-access/link-malformed', { detail: parsed.fault });
};

/** @throws viewer-access/too-many-requests */
export const admit = <Traits>({ throttle }: EntryContext<Traits>, { browser }: Call): void => {
  if (!throttle.admit(browser.address)) throw new DrimboxError('viewer-access/too-many-requests');
};

/** @throws viewer-access/form-invalid, viewer-access/form-refused, viewer-access/too-many-requests */
export const requireForm = async <Traits>(
  context: EntryContext<Traits>,
  call: Call,
): Promise<ReadonlyMap<string, string>> => {
  admit(context, call);
  const form = parseForm(await readFormText(call.request));
  const source = readFormSource(call.request);
  const isGenuine = await context.formTokens.isGenuine(call.browser, source, form.get('jeton') ?? '');
  if (!isGenuine) throw new DrimboxError('viewer-access/form-refused', { detail: 'token or origin' });
  return form;
};

/** @throws viewer-access/session-ended */
export const requireSession = async <Traits>(
  context: EntryContext<Traits>,
  { browser }: Call,
): Promise<OpenSession<Traits>> => {
  const session = await context.sessions.load(browser);
  if (session === undefined) throw new DrimboxError('viewer-access/session-ended');
  return session;
};

/** The same page and the same time, whatever the reason. */
const refuseLink = async <Traits>(
  context: EntryContext<Traits>,
  { browser, request, response }: Call,
  startedAtMs: number,
): Promise<void> => {
  const { monotonic, wait, refusalMs } = context;
  await waitUniformly({ monotonic, wait, stepMs: refusalMs }, startedAtMs);
  sendRefusal(context, request, response, { code: 'viewer-access/link-refused', browser, as: 'page' });
};

type Outcome = AccessDecision | { readonly kind: 'failed'; readonly reason: ErrorCode };

/** A database that is away says nothing of a study; anything else that fails must not either. @throws store/unavailable */
const decide = async <Traits>(
  context: EntryContext<Traits>,
  link: ReportLink,
  session: OpenSession<Traits>,
): Promise<Outcome> => {
  if (!context.throttle.isOpen(link)) return { kind: 'failed', reason: 'viewer-access/too-many-requests' };
  try {
    return await context.decide(link, session.viewer);
  } catch (cause) {
    const { code } = asDrimboxError(cause);
    if (code === 'store/unavailable') throw cause;
    return { kind: 'failed', reason: code };
  }
};

/**
 * Decides, writes down, and only then opens.
 *
 * @throws store/unavailable, audit/unavailable · sign-in/grants-too-many, viewer-access/session-ended: nothing was opened
 */
export const openLink = async <Traits>(
  context: EntryContext<Traits>,
  call: Call,
  session: OpenSession<Traits>,
  link: ReportLink,
): Promise<void> => {
  const startedAtMs = context.monotonic();
  const outcome = await decide(context, link, session);
  const { browser } = call;
  if (outcome.kind !== 'granted') {
    const { kind, ...why } = outcome;
    // Else a link would stay shut for as long as somebody goes on trying.
    if (why.reason !== 'viewer-access/too-many-requests') context.throttle.countRefusal(link);
    await context.record({ browser, session, link, outcome: kind, ...why });
    const mismatches = 'mismatches' in why ? { mismatches: why.mismatches?.join(' ') } : {};
    context.log.warn({ code: why.reason, correlationId: browser.correlationId, ...mismatches }, 'a link was refused');
    return refuseLink(context, call, startedAtMs);
  }
  const { studies } = outcome;
  const tellOpened = await context.beginOpening({ browser, session, link, studies });
  const { seriesInstanceUid } = link;
  const opening = {
    studies,
    link: encodeReportLink(link),
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
  };
  const grant = await context.sessions.grant(session, opening).catch(async (cause: unknown) => {
    await tellOpened(asDrimboxError(cause).code);
    throw cause;
  });
  await tellOpened();
  return redirect(call.response, `/examen/${encodeURIComponent(grant)}`);
};

/** A professional with several situations chooses first. @param token  for the form, when the cookie is only being set */
export const openOrChoose = async <Traits>(
  context: EntryContext<Traits>,
  call: Call,
  session: OpenSession<Traits>,
  given: {
    readonly link: ReportLink;
    readonly linkText: string;
    readonly token: string;
    readonly isRepeated?: boolean;
  },
): Promise<void> => {
  const { situationsToChoose: situations, name } = session;
  if (situations.length === 0) return openLink(context, call, session, given.link);
  const fields = { link: given.linkText, token: given.token };
  const page = buildSituationPage(context.setting, fields, { name, situations }, given.isRepeated ?? false);
  return sendPage(call.response, given.isRepeated === true ? 400 : 200, page);
};
