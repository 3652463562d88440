/**
 * Everything that a link opened, under its grant. At each call: the grant must be of this browser's own session, and the study
 * that is asked for must still be open to this person (decision E5). What answers then gets that study and nothing to find
 * another one with.
 */
import type { IncomingMessage } from 'node:http';
import { DrimboxError } from '../errors.ts';
import type { Answer, AnswerExamination, AnswerLink, Examination, OpenedLink, OpenGrant } from './entry-ports.ts';
import type { AccessRefusal, OpenedStudy } from './access-decision.ts';
import type { Call, EntryContext } from './entry-steps.ts';
import type { Route } from './entry-routes.ts';

/** Opaque; nothing of ours is longer, and nothing shorter was drawn. */
const grantForm = /^[A-Za-z0-9_-]{22,128}$/;

interface Place {
  readonly grant: string;
  /** What stands behind the grant, as it was sent: path and query. */
  readonly rest: string;
}

const placeOf = ({ url = '' }: IncomingMessage): Place | undefined => {
  const [, grant, rest = ''] = /^\/examen\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  return grant !== undefined && grantForm.test(grant) ? { grant, rest } : undefined;
};

/** Somebody's own grant, and what is asked for under it. */
interface Entered<Traits> extends Place {
  readonly open: OpenGrant<Traits>;
  readonly call: Call;
}

const basePathOf = (grant: string): string => `/examen/${grant}`;

const queryOf = (rest: string): URLSearchParams =>
  new URLSearchParams(rest.includes('?') ? rest.slice(rest.indexOf('?')) : '');

/** A page that nobody touches asks too, and must not keep its session alive by that. */
const useOf = (rest: string): 'used' | 'looked-at' =>
  /^\/etat(\?|$)/.test(rest) && queryOf(rest).get('utilise') !== '1' ? 'looked-at' : 'used';

/** @throws viewer-access/session-ended — no session, or a grant of another one; store/unavailable */
const enter = async <Traits>({ sessions }: EntryContext<Traits>, call: Call): Promise<Entered<Traits>> => {
  const place = placeOf(call.request);
  const open = place === undefined ? undefined : await sessions.loadGrant(call.browser, place.grant, useOf(place.rest));
  if (place === undefined || open === undefined) throw new DrimboxError('viewer-access/session-ended');
  return { ...place, open, call };
};

type StudyLook<Traits> =
  | { readonly kind: 'open'; readonly examination: Examination<Traits> }
  | { readonly kind: 'closed'; readonly reason: AccessRefusal };

/** Whether it is still open to this person. @throws store/unavailable */
const lookAtStudy = async <Traits>(
  { checkGrant, sessions, log }: EntryContext<Traits>,
  { open: { session, studies }, call: { browser }, grant }: Entered<Traits>,
  study: OpenedStudy,
): Promise<StudyLook<Traits>> => {
  const checked = await checkGrant(study, session.viewer);
  if (checked.kind === 'refused') {
    const { reason } = checked;
    log.warn({ code: reason, correlationId: browser.correlationId }, 'an open examination was closed');
    return { kind: 'closed', reason };
  }
  const { manifest, kosSopInstanceUid } = checked;
  const isStillOpen = async (): Promise<boolean> => {
    const again = await sessions.loadGrant(browser, grant);
    return again !== undefined && (await checkGrant(study, again.session.viewer)).kind === 'open';
  };
  const [basePath, number] = [basePathOf(grant), studies.indexOf(study) + 1];
  const examination = { session, manifest, kosSopInstanceUid, browser, basePath, number, isStillOpen };
  return { kind: 'open', examination };
};

const refuse = (detail: string): never => {
  throw new DrimboxError('viewer-access/link-refused', { detail });
};

/** @throws viewer-access/link-refused: closed since, or none of the grant's; store/unavailable */
const openStudy = async <Traits>(
  context: EntryContext<Traits>,
  entered: Entered<Traits>,
  study: OpenedStudy | undefined,
): Promise<Examination<Traits>> => {
  if (study === undefined) return refuse('no such study');
  const look = await lookAtStudy(context, entered, study);
  return look.kind === 'open' ? look.examination : refuse(look.reason);
};

/** Those that are still open; one at least. @throws viewer-access/link-refused, store/unavailable */
const openAll = async <Traits>(
  context: EntryContext<Traits>,
  linkPath: string,
  entered: Entered<Traits>,
): Promise<OpenedLink<Traits>> => {
  const { session, studies, link, seriesInstanceUid } = entered.open;
  const looks = await Promise.all(studies.map((study) => lookAtStudy(context, entered, study)));
  const [first, ...others] = looks.flatMap((look) => (look.kind === 'open' ? [look.examination] : []));
  if (first === undefined)
    return refuse(looks.flatMap((look) => (look.kind === 'closed' ? [look.reason] : [])).join(' '));
  return {
    session,
    browser: entered.call.browser,
    basePath: basePathOf(entered.grant),
    examinations: [first, ...others],
    linkPath: `${linkPath}?${link}`,
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
  };
};

/** By its place in the grant: `?examen=2`; the first one without. */
const byNumber = <Traits>({ open, rest }: Entered<Traits>): OpenedStudy | undefined => {
  const text = queryOf(rest).get('examen') ?? '1';
  return /^[1-9]\d?$/.test(text) ? open.studies[Number(text) - 1] : undefined;
};

/** By its UID in the path of a resource or the query of a search; whatever names none of the grant's is asked of the first. */
const byUid = <Traits>({ open, rest }: Entered<Traits>): OpenedStudy | undefined => {
  const [, inPath] = /^\/dicomweb\/studies\/([^/?]+)/.exec(rest) ?? [];
  const query = queryOf(rest);
  const uid = inPath ?? query.get('StudyInstanceUID') ?? query.get('0020000D');
  return open.studies.find(({ studyInstanceUid }) => studyInstanceUid === uid) ?? open.studies[0];
};

/** @param linkPath  of the links printed in reports */
export const createExaminationRoutes = <Traits>(context: EntryContext<Traits>, linkPath: string): readonly Route[] => {
  const { shell, description, state, dicomWeb, preview, archive } = context.examination;
  /** @param prefix  taken off the front of what the answer sees as its address */
  const route = <Open>(
    path: string,
    open: (entered: Entered<Traits>) => Promise<Open>,
    answer: Answer<Open>,
    prefix = '',
  ): Route => ({
    method: 'GET',
    path: `/examen/:grant${path}`,
    headers: 'viewer',
    answer: async (call) => {
      const entered = await enter(context, call);
      const opened = await open(entered);
      call.request.url = entered.rest.slice(prefix.length) || '/';
      await answer(opened, call.request, call.response);
    },
  });
  const ofLink = (path: string, answer: AnswerLink<Traits>): Route =>
    route(path, (entered) => openAll(context, linkPath, entered), answer);
  const ofStudy = (path: string, choose: typeof byNumber<Traits>, answer: AnswerExamination<Traits>, prefix?: string) =>
    route(path, (entered) => openStudy(context, entered, choose(entered)), answer, prefix);
  return [
    ofLink('', shell),
    ofLink('/description', description),
    ofLink('/etat', state),
    ofStudy('/dicomweb/*path', byUid, dicomWeb, '/dicomweb'),
    ofStudy('/apercu/:series', byNumber, preview, '/apercu'),
    ofStudy('/images.zip', byNumber, archive),
  ];
};
