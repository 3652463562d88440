/** What an answer may hold: nothing of a patient where it refuses, nothing of another study where it does not. */
import { expect } from 'vitest';
import type { VisitAnswer } from '../peers/visitors/index.ts';
import { studies, type StudyName, studyNames, tellingTexts } from './isolation-site.ts';

/** Differs at each request; not told apart. */
const reference = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Of an answer, all that whoever gets it can compare with another one. */
export const lookOf = ({ status, headers, body }: Pick<VisitAnswer, 'status' | 'headers' | 'body'>): string => {
  const { date: _, ...told } = headers;
  const lines = Object.entries(told).map(([name, value]) => `${name}: ${String(value)}`);
  return [String(status), ...lines.toSorted(), body.toString('latin1').replaceAll(reference, 'REF')].join('\n');
};

/** A refusal says nothing of any patient, and no cache keeps it. */
export const expectNothingTold = (answer: Pick<VisitAnswer, 'status' | 'headers' | 'body'>): void => {
  const { status, headers, body } = answer;
  const text = `${JSON.stringify(headers)}\n${body.toString('utf8')}`.replaceAll(reference, '');
  expect(tellingTexts.filter((one) => text.includes(one))).toEqual([]);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(headers['content-type'] ?? 'text/html').toMatch(/^(text\/html|application\/json)/);
  expect(headers['cache-control']).toBe('no-store');
  expect(headers['etag']).toBeUndefined();
  expect(headers['content-range']).toBeUndefined();
  expect(headers['location']).toBeUndefined();
};

/** As a whole identifier, wherever in the bytes. */
const holdsUid = (body: string, uid: string): boolean =>
  new RegExp(`(?<![0-9.])${uid.replaceAll('.', '\\.')}(?![0-9])`).test(body);

/** An answer about one study names no other one, and nobody else. */
export const expectOnlyOf = (name: StudyName, { body }: Pick<VisitAnswer, 'body'>): void => {
  const text = body.toString('latin1');
  const others = studyNames.filter((one) => one !== name && holdsUid(text, studies[one].studyUid));
  expect(others).toEqual([]);
  const [own, other] = name === 'twins' ? ['CHARLOTTE', 'CAMILLE'] : ['CAMILLE', 'CHARLOTTE'];
  expect([own, text.includes(other ?? '')]).toEqual([own, false]);
};

/** The same walls around every answer: of the transport, of the browser, of caches. */
export const expectWalls = ({ headers }: Pick<VisitAnswer, 'headers'>): void => {
  expect(headers).toMatchObject({
    'strict-transport-security': 'max-age=63072000',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'self'/),
    'referrer-policy': expect.stringMatching(/^(same-origin|no-referrer)$/),
  });
  const policy = String(headers['content-security-policy']);
  const scripts = /script-src ([^;]*)/.exec(policy)?.[1] ?? '';
  expect(scripts.split(' ').filter((one) => !["'none'", "'self'", "'wasm-unsafe-eval'"].includes(one))).toEqual([]);
  for (const name of ['server', 'x-powered-by', 'access-control-allow-origin', 'via']) {
    expect([name, headers[name]]).toEqual([name, undefined]);
  }
};

const cookieForm = /^__Host-drimbox(-browser)?=[A-Za-z0-9_-]*; (Max-Age=0; )?Path=\/; Secure; HttpOnly; SameSite=Lax$/;

export const expectStrictCookies = ({ headers }: Pick<VisitAnswer, 'headers'>): void => {
  for (const line of headers['set-cookie'] ?? []) expect(line).toMatch(cookieForm);
};
