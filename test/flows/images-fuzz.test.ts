/**
 * Whatever is asked of the image listener, and however: the answer is one of ours, it is acceptable to who asked, nothing is
 * told before the checks end, and the service goes on. A failure prints its seed.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectAcceptable } from '../fixtures/wado/acceptable-answer.ts';
import { writtenAccept } from '../fixtures/wado/accept-oracle.ts';
import { fieldValue, headerField, method, target } from '../fixtures/wado/hostile-requests.ts';
import { anySyntax, bounded, type HostileSite, partsOf, startHostileSite } from '../fixtures/wado/hostile-site.ts';
import type { ImageKindName } from '../fixtures/wado/image-kinds.ts';
import { isSiteHere } from './flow-site.ts';

describe.skipIf(!isSiteHere)('hostile requests for images', () => {
  let site: HostileSite;

  beforeAll(async () => {
    site = await startHostileSite(['ct', 'jpeg-ls ct', 'lossy us', 'rle mr', 'grey cine', 'implicit ct']);
  });
  beforeEach(() => site.renewToken());
  afterAll(() => site.stop());

  it('a clean request gives the whole series: what is tried below is tried on a service that works', () =>
    site.expectWhole());

  // Accept ----------------------------------------------------------------------------------------------------------

  it('whatever the Accept header, the syntaxes of the answer are acceptable to it, or the status says why (PS3.18 8.7)', async () => {
    const levels = fc.constantFrom<ImageKindName | 'study' | 'instance'>(
      'study',
      'instance',
      'ct',
      'lossy us',
      'implicit ct',
    );
    await fc.assert(
      fc.asyncProperty(
        writtenAccept,
        levels,
        bounded(async (accept, level) => {
          const instance = site.ofKind('jpeg-ls ct').slice(0, 1);
          const asked = level === 'study' ? site.study.instances : level === 'instance' ? instance : site.ofKind(level);
          const path =
            level === 'study'
              ? site.study.path
              : level === 'instance'
                ? `${site.seriesPath('jpeg-ls ct')}/instances/${instance[0]?.sopInstanceUid}`
                : site.seriesPath(level);
          const answer = await site.client.ask({ target: path, headers: site.headersWith('Accept', ...accept.fields) });
          expect([200, 206, 406]).toContain(answer?.status);
          if (answer !== undefined) expectAcceptable(accept, answer, asked, level === 'instance');
        }),
      ),
      { numRuns: 200 },
    );
  });

  it('an Accept header of any text, once or several times, is answered by the table', async () => {
    const text = fc.oneof(
      fieldValue(200),
      fc
        .array(
          fc.constantFrom(
            ...['multipart/related', '*/*', 'type="application/dicom"', 'transfer-syntax=', 'q=', '0.5'],
            ...[';', ',', '"', '*', ' '],
          ),
        )
        .map((words) => words.join('')),
      fc.constantFrom(
        `*/*;${'a=b;'.repeat(4_000)}q=1`,
        '*/*,'.repeat(5_000),
        '"'.repeat(9_000),
        `*/*;x="${'\\"'.repeat(9_000)}`,
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 3 }),
        fc.constantFrom('', '/metadata'),
        bounded(async (fields, end) => {
          const answer = await site.client.ask({
            target: `${site.seriesPath('ct')}${end}`,
            headers: site.headersWith('Accept', ...fields),
          });
          expect([200, 400, 406]).toContain(answer?.status);
        }),
      ),
      { numRuns: 150 },
    );
  });

  // Targets, methods, headers ---------------------------------------------------------------------------------------

  /** The only targets that open something: written out, without what our parser does with them. */
  const isResource = (asked: string): boolean => {
    const path = asked
      .replace(/^https?:\/\/[^/?#]*/i, '')
      .replace(/\?.*$/s, '')
      .replace(/\/$/, '');
    const [first] = site.ofKind('ct');
    const levels = [
      site.study.path,
      site.seriesPath('ct'),
      `${site.seriesPath('ct')}/instances/${first?.sopInstanceUid}`,
    ];
    const known = new Set(
      [...levels, ...levels.map((level) => `${level}/metadata`)].map((one) => one.split('/').join('\n')),
    );
    try {
      return known.has(path.split('/').map(decodeURIComponent).join('\n'));
    } catch {
      return false;
    }
  };

  it('whatever the target, images are given at the addresses of the manifest and nowhere else (DB.SO.32)', async () => {
    const [first] = site.ofKind('ct');
    const uids = [site.study.studyInstanceUid, first?.seriesInstanceUid ?? '', first?.sopInstanceUid ?? ''];
    let opened = 0;
    await fc.assert(
      fc.asyncProperty(
        target('/drimbox', uids),
        bounded(async (asked) => {
          const isOpen = isResource(asked) && !/[?&]accept=/.test(asked);
          const accept = /\/metadata\/?(\?|$)/.test(asked) ? 'application/dicom+json' : anySyntax;
          const answer = await site.client.ask({ target: asked, headers: site.headersOf(accept) });
          if (answer?.headers.get('content-type')?.startsWith('application/json') === true) {
            expect(answer.body.toString()).toMatch(/^\{"status":"UP"/);
            return;
          }
          expect([200, 400, 404]).toContain(answer?.status);
          expect(answer?.status === 200, asked).toBe(isOpen);
          opened += isOpen ? 1 : 0;
        }),
      ),
      { numRuns: 400 },
    );
    expect(opened).toBeGreaterThan(20);
  });

  it('whatever the method but GET, nothing is given (405)', async () => {
    await fc.assert(
      fc.asyncProperty(
        method,
        bounded(async (name) => {
          const answer = await site.client.ask({
            method: name,
            target: site.seriesPath('ct'),
            headers: site.headersOf(),
          });
          expect([400, 405]).toContain(answer?.status);
          if (answer?.status === 405) expect(answer.headers.get('allow')).toBe('GET');
        }),
      ),
      { numRuns: 80 },
    );
  });

  it('other headers, however many and however long, change nothing: the series, or a bare 400', async () => {
    const long = fc
      .tuple(fc.constantFrom('X-Exemple', 'Cookie'), fc.constantFrom(8_000, 16_000, 60_000))
      .map(([name, length]) => [name, 'a'.repeat(length)] as const);
    const many = fc
      .constantFrom(300, 3_000)
      .map((count) => Array.from({ length: count }, (_, at) => [`X-${at}`, '1'] as const));
    const further = fc.oneof(
      { weight: 6, arbitrary: fc.array(headerField, { minLength: 1, maxLength: 6 }) },
      { weight: 1, arbitrary: long.map((one) => [one]) },
      { weight: 1, arbitrary: many },
    );
    await fc.assert(
      fc.asyncProperty(
        further,
        fc.boolean(),
        bounded(async (more, isBefore) => {
          const headers = isBefore ? [...more, ...site.headersOf()] : [...site.headersOf(), ...more];
          const answer = await site.client.ask({ target: site.seriesPath('ct'), headers });
          expect([200, 400]).toContain(answer?.status);
          if (answer?.status === 200) expect(partsOf(answer)).toHaveLength(site.ofKind('ct').length);
        }),
      ),
      { numRuns: 120 },
    );
  });

  it('of all values of KOS-SOPInstanceUID the one of the current manifest opens, and only alone (DB.SO.85)', async () => {
    const { kos } = site.study;
    const value = fc.oneof(
      fieldValue(80),
      fc.constantFrom(
        kos,
        ` ${kos}\t`,
        '1.2.250.1.999999.9.1',
        `${kos}.`,
        `0${kos}`,
        kos.slice(0, -1),
        `${kos}0`,
        `${kos}\\1.2`,
        `"${kos}"`,
        '',
        '9'.repeat(20_000),
      ),
      fc.bigInt({ min: 0n, max: 2n ** 128n }).map((number) => `2.25.${number}`),
      fc.constantFrom(
        "' OR '1'='1",
        '%',
        '*',
        `${kos},${kos}`,
        `${kos}; DROP TABLE study`,
        '1.2.840.10008.5.1.4.1.1.88.59',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { maxLength: 2 }),
        bounded(async (values) => {
          const answer = await site.client.ask({
            target: site.seriesPath('ct'),
            headers: site.headersWith('KOS-SOPInstanceUID', ...values),
          });
          const isRight = values.length === 1 && values[0]?.trim() === kos;
          expect(answer?.status === 200, JSON.stringify(values)).toBe(isRight);
          if (!isRight) expect([400, 404]).toContain(answer?.status);
        }),
      ),
      { numRuns: 200 },
    );
  });

  it('of all values of Authorization the token alone is let in, and only once (401, b.5.3)', async () => {
    const token = site.token();
    const [head = '', body = '', signature = ''] = token.split('.');
    const flipped = (text: string, at: number): string =>
      `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
    const forged = fc.oneof(
      fc.nat(token.length - 2).map((at) => `Bearer ${flipped(token, at)}`),
      fc.constantFrom(
        ...[
          `Bearer ${head}.${body}.`,
          `Bearer ${head}.${body}`,
          `Bearer ${token}.${signature}`,
          `Bearer ${token}=`,
          `Bearer ${token} x`,
        ],
        ...[
          `Basic ${token}`,
          token,
          'Bearer',
          'Bearer ',
          `Bearer ${token}, Bearer ${token}`,
          `Bearer\u00a0${token}`,
          `Bearer ${'a'.repeat(30_000)}`,
        ],
        ...[
          `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`,
          `Bearer ${'.'.repeat(9_000)}`,
          `Token ${token}`,
        ],
      ),
      fieldValue(120),
      fieldValue(60).map((text) => `Bearer ${text}`),
    );
    const right = fc.constantFrom(`Bearer ${token}`, `bearer ${token}`, `  Bearer ${token}\t`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(forged, right), { maxLength: 2 }),
        bounded(async (values) => {
          const answer = await site.client.ask({
            target: site.seriesPath('ct'),
            headers: site.headersWith('Authorization', ...values),
          });
          const isRight =
            values.length === 1 &&
            /^bearer +/i.test(values[0]?.trim() ?? '') &&
            values[0]?.trim().replace(/^bearer +/i, '') === token;
          expect(answer?.status === 200, JSON.stringify(values)).toBe(isRight);
          if (!isRight) expect([400, 401]).toContain(answer?.status);
        }),
      ),
      { numRuns: 150 },
    );
  });

  it('who shows no certificate gets the same 403 whatever is asked, and how (E3, DB.CS.147)', async () => {
    const [first] = site.ofKind('ct');
    const uids = [site.study.studyInstanceUid, first?.seriesInstanceUid ?? '', first?.sopInstanceUid ?? ''];
    const bodies = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        target('/drimbox', uids),
        fc.oneof(fc.constant('GET'), method),
        fc.array(headerField, { maxLength: 3 }),
        bounded(async (asked, name, more) => {
          const form = { method: name, target: asked, headers: [...site.headersOf(), ...more] };
          const answer = await site.client.ask(form, { isAnonymous: true });
          if (answer === undefined || answer.body.length === 0) return;
          if (answer.headers.get('content-type')?.startsWith('application/json') === true) return;
          bodies.add(`${answer.status} ${answer.body.toString()} ${[...answer.headers.keys()].join(' ')}`);
        }),
      ),
      { numRuns: 200 },
    );
    expect(bodies.size).toBe(1);
    expect([...bodies][0]).toMatch(/^403 403 Forbidden\r\n /);
  });

  it('at the end the same process serves, nothing is left open, Orthanc lives, the log names nobody', () =>
    site.expectSoundEnd());
});
