/**
 * Everything of one examination, under its grant. At each call: the grant must be of this browser's own session, and its study
 * must still be open to this person (decision E5). What answers then gets that study and nothing to find another one with.
 */
import type { IncomingMessage } from 'node:http';
import { DrimboxError } from '../errors.ts';
import type { AnswerExamination, Examination } from './entry-ports.ts';
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

/** @throws viewer-access/session-ended — no session, or a grant of another one; viewer-access/link-refused; store/unavailable */
const openExamination = async <Traits>(
  context: EntryContext<Traits>,
  { browser }: Call,
  grant: string | undefined,
): Promise<Examination<Traits>> => {
  const open = grant === undefined ? undefined : await context.sessions.loadGrant(browser, grant);
  if (open === undefined) throw new DrimboxError('viewer-access/session-ended');
  const checked = await context.checkGrant(open.study, open.session.viewer);
  if (checked.kind === 'refused') {
    context.log.warn({ code: checked.reason, correlationId: browser.correlationId }, 'an open examination was closed');
    throw new DrimboxError('viewer-access/link-refused', { detail: checked.reason });
  }
  const { manifest, kosSopInstanceUid } = checked;
  return { session: open.session, manifest, kosSopInstanceUid, browser, basePath: `/examen/${grant ?? ''}` };
};

export const createExaminationRoutes = <Traits>(context: EntryContext<Traits>): readonly Route[] => {
  const { shell, description, dicomWeb, preview, archive } = context.examination;
  /** @param prefix  taken off the front of what the answer sees as its address */
  const route = (path: string, answer: AnswerExamination<Traits>, prefix = ''): Route => ({
    method: 'GET',
    path: `/examen/:grant${path}`,
    headers: 'viewer',
    answer: async (call) => {
      const { request, response } = call;
      const place = placeOf(request);
      const examination = await openExamination(context, call, place?.grant);
      request.url = place?.rest.slice(prefix.length) || '/';
      await answer(examination, request, response);
    },
  });
  return [
    route('', shell),
    route('/description', description),
    route('/dicomweb/*path', dicomWeb, '/dicomweb'),
    route('/apercu/:series', preview, '/apercu'),
    route('/images.zip', archive),
  ];
};
