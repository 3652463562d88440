/** The service from request to audit, on a real store and real HTTP: order of checks, answers, what the audit keeps. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorTable } from '../../plugin/errors.ts';
import { buildCtInstance, inventedSeries } from '../fixtures/dicom/index.ts';
import { examinationStudy } from '../fixtures/examination.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { splitMultipart } from '../fixtures/wado/split-multipart.ts';
import { startWadoBench, type WadoBench } from '../fixtures/wado/wado-bench.ts';

let opened: TestStore;
let wado: WadoBench;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  await opened.empty();
  wado = await startWadoBench(opened);
});
afterEach(() => wado.stop());

const study = (): string => `/studies/${wado.studyInstanceUid}`;
const firstSeries = (): string => wado.named[0]?.seriesInstanceUid ?? '';
const seriesPath = (): string => `${study()}/series/${firstSeries()}`;
const uidsOfFirstSeries = (): readonly string[] => (wado.named[0]?.instances ?? []).map((one) => one.sopInstanceUid);
const lastAudit = async (): Promise<Record<string, unknown>> => (await wado.audits()).at(-1) ?? {};

describe('a request that is granted (DB.SO.32, DB.SO.38)', () => {
  test('gets each object of the series once, whole but for the INS, in the order of the numbers', async () => {
    const { status, headers, body, isComplete } = await wado.ask(seriesPath());
    expect([status, isComplete]).toEqual([200, true]);
    const parts = splitMultipart(headers['content-type'], body);
    expect(parts.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(uidsOfFirstSeries());
    for (const { bytes, sopInstanceUid, headers: head } of parts) {
      const stored = wado.examination.instances.find((one) => one.sopInstanceUid === sopInstanceUid)?.bytes;
      expect(head.get('content-type')).toBe('application/dicom;transfer-syntax=1.2.840.10008.1.2.1');
      expect(head.get('content-location')).toMatch(/\/wado\/studies\/.+\/series\/.+\/instances\//);
      // The pixels are the last bytes of an invented image.
      expect(bytes.subarray(-64).equals(stored?.subarray(-64) ?? Buffer.alloc(0))).toBe(true);
      expect(bytes.length).toBeGreaterThan(stored?.length ?? 0);
      expect(bytes.includes('1.2.250.1.213.1.4.10')).toBe(true);
    }
    expect(wado.openFiles()).toBe(0);
  });

  test('study and instance too; the audit has who, what, when, how much before and after (DB.SO.90, A6)', async () => {
    expect(splitMultipart(...(await bodyOf(study()))).length).toBe(6);
    const [uid = ''] = uidsOfFirstSeries();
    expect(splitMultipart(...(await bodyOf(`${seriesPath()}/instances/${uid}`))).length).toBe(1);
    expect(await wado.audits()).toMatchObject([
      {
        transaction: 'wado-rs',
        outcome: 'served',
        http_status: 200,
        level: 'study',
        objects: 6,
        study_uid: wado.studyInstanceUid,
        series_uid: null,
        kos_uid: wado.kosUid,
        peer_subject: 'CN=db1.exemple.invalid',
        actor_national_id: '899900000099',
        actor_client: 'exemple',
        syntaxes: { '1.2.840.10008.1.2.1': 6 },
        patient_ins: expect.stringMatching(/^\d{15}$/),
      },
      { level: 'instance', sop_uid: uid, objects: 1, outcome: 'served' },
    ]);
    expect(Number((await lastAudit())['bytes'])).toBeGreaterThan(500);
  });

  test('statistics count the request, the objects by syntax and modality, and the megabytes of pixels (b.14 #9–13)', async () => {
    await wado.ask(seriesPath());
    const told = wado.events.map(({ statistic, detail }) => [statistic, detail?.['count'] ?? 1]);
    expect(told).toEqual(
      expect.arrayContaining([
        [9, 1],
        [11, 3],
        [12, 3],
        [21, 1],
        [23, 3],
      ]),
    );
    expect(wado.events.find(({ statistic }) => statistic === 13)?.detail?.['bytes']).toBe(3 * 128);
  });

  test('metadata are JSON, without pixels, with the INS, and no retrieval in the statistics', async () => {
    const { status, headers, body } = await wado.ask(`${seriesPath()}/metadata`, { Accept: 'application/dicom+json' });
    expect([status, headers['content-type']]).toEqual([200, 'application/dicom+json']);
    const datasets = JSON.parse(body.toString()) as Record<string, { Value?: unknown[] }>[];
    expect(datasets.map((one) => one['00080018']?.Value?.[0])).toEqual(uidsOfFirstSeries());
    for (const dataset of datasets) {
      expect(dataset).not.toHaveProperty('7FE00010');
      expect(JSON.stringify(dataset['00101002'])).toContain('1.2.250.1.213.1.4.10');
    }
    expect(wado.events.some(({ statistic }) => statistic === 9)).toBe(false);
    expect(await lastAudit()).toMatchObject({ level: 'series/metadata', outcome: 'served', objects: 3 });
  });
});

const bodyOf = async (path: string): Promise<[string | string[] | undefined, Buffer]> => {
  const { status, headers, body } = await wado.ask(path);
  expect(status).toBe(200);
  return [headers['content-type'], body];
};

describe('a request that is refused (b.5.3, E2)', () => {
  test.each([
    ['a peer that is not in the list', 'trust/dn-invalid', 400],
    ['no token', 'trust/token-missing', 401],
  ] as const)('by the first check: %s; nothing else is looked at', async (_, code, status) => {
    wado.gate.peer = { kind: 'refused', code, subject: 'CN=x' };
    // Everything else is wrong, too: the first check decides.
    const answer = await wado.ask('/nowhere', { 'KOS-SOPInstanceUID': 'x', Accept: 'x' }, 'POST');
    expect(answer.status).toBe(status);
    expect(await lastAudit()).toMatchObject({ reason_code: code, peer_subject: 'CN=x', study_uid: null });
    expect(wado.events).toEqual([]);
  });

  test.each([
    ['another method', (): Promise<unknown> => wado.ask(seriesPath(), {}, 'POST'), 405, 'wado/method-not-allowed'],
    ['an unknown path', () => wado.ask('/patients'), 404, 'wado/resource-unknown'],
    ['no manifest', () => wado.ask(seriesPath(), { 'KOS-SOPInstanceUID': ' ' }), 400, 'wado/kos-header-invalid'],
    ['an Accept that cannot be read', () => wado.ask(seriesPath(), { Accept: 'a/b;q=7' }), 400, 'wado/accept-invalid'],
    ['an unknown manifest', () => wado.ask(seriesPath(), { 'KOS-SOPInstanceUID': '2.25.7' }), 404, 'wado/kos-unknown'],
    ['another study', () => wado.ask('/studies/1.2.3/series/1.2.4'), 404, 'wado/study-mismatch'],
    ['a series that is not named', () => wado.ask(`${study()}/series/1.2.4`), 404, 'wado/not-referenced'],
    [
      'syntaxes that cannot be made',
      () =>
        wado.ask(seriesPath(), {
          Accept: 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.80',
        }),
      406,
      'wado/not-acceptable',
    ],
  ] as const)('%s', async (_, ask, status, code) => {
    expect(await ask()).toMatchObject({ status });
    expect(await lastAudit()).toMatchObject({ outcome: 'refused', http_status: status, reason_code: code });
    // Some of a series are looked at to know what can be made of it.
    expect(wado.opens.length).toBeLessThanOrEqual(code === 'wado/not-acceptable' ? 4 : 0);
  });

  test('every 404 is the same answer, so nobody learns which studies exist', async () => {
    const answers = [
      await wado.ask(seriesPath(), { 'KOS-SOPInstanceUID': '2.25.7' }),
      await wado.ask('/studies/1.2.3'),
      await wado.ask(`${study()}/series/1.2.4`),
    ];
    await opened.store.knex('study').update({ state: 'held', reason_code: 'publication/study-duplicated' });
    answers.push(await wado.ask(seriesPath()));
    const seen = answers.map(({ status, body, headers }) => {
      const { 'x-correlation-id': _, date: __, ...rest } = headers;
      return JSON.stringify([status, body.toString(), rest]);
    });
    expect(new Set(seen).size).toBe(1);
  });

  test.each([
    ['no image is left', { kind: 'absent' }, 410, 'wado/images-gone'],
    ['two studies have that UID (A5)', { kind: 'duplicated' }, 404, 'wado/study-duplicated'],
    ['the PACS does not answer', 'orthanc/unreachable', 502, 'orthanc/unreachable'],
    ['the PACS answers too late', 'orthanc/timeout', 504, 'orthanc/timeout'],
  ] as const)('when %s', async (_, listing, status, code) => {
    wado.show(listing);
    expect((await wado.ask(seriesPath())).status).toBe(status);
    expect(await lastAudit()).toMatchObject({ http_status: status, reason_code: code });
    expect(errorTable[code].httpStatus).toBe(status);
  });
});

describe('objects that cannot be sent cost their part only (PS3.18 §10.4.3)', () => {
  const show = async (): Promise<readonly string[]> => {
    const { headers, body } = await wado.ask(seriesPath());
    return splitMultipart(headers['content-type'], body).map(({ sopInstanceUid }) => sopInstanceUid);
  };

  test('one that the PACS has no more: 206, a warning, the others', async () => {
    const listing = wado.listing();
    if (typeof listing === 'string' || listing.kind !== 'found') throw new Error('no listing');
    const [gone, ...left] = uidsOfFirstSeries();
    wado.show({ kind: 'found', images: listing.images.filter(({ sopInstanceUid }) => sopInstanceUid !== gone) });
    const { status, headers } = await wado.ask(seriesPath());
    expect([status, headers['warning']]).toEqual([206, expect.stringContaining('1 of 3')]);
    expect(await show()).toEqual(left);
    expect(await lastAudit()).toMatchObject({ outcome: 'partial', http_status: 206, objects: 2 });
  });

  test('the first is broken: 206; a later one: told by the trailer and the audit', async () => {
    const [first = '', second = '', third = ''] = uidsOfFirstSeries();
    wado.faults.set(first, { bytes: Buffer.alloc(5000, 1) });
    expect((await wado.ask(seriesPath())).status).toBe(206);
    expect(await show()).toEqual([second, third]);
    wado.faults.clear();
    wado.faults.set(third, { openFails: 'orthanc/not-found' });
    const late = await wado.ask(seriesPath());
    expect([late.status, late.trailers['warning'], late.isComplete]).toEqual([
      200,
      expect.stringContaining('1 of 3'),
      true,
    ]);
    expect(await lastAudit()).toMatchObject({ outcome: 'partial', objects: 2, reason_code: 'orthanc/not-found' });
    expect(wado.openFiles()).toBe(0);
  });

  test('all are broken: an error, no empty multipart', async () => {
    for (const uid of uidsOfFirstSeries()) wado.faults.set(uid, { openFails: 'orthanc/not-found' });
    const { status, body } = await wado.ask(seriesPath());
    expect([status, body.toString()]).toEqual([404, '404 Not Found\r\n']);
  });

  test('the file of another patient under the name of this one never leaves (E1)', async () => {
    const [first = '', second = ''] = uidsOfFirstSeries();
    const other = wado.examination.instances.find(({ sopInstanceUid }) => sopInstanceUid === second);
    wado.faults.set(first, { bytes: other?.bytes ?? Buffer.alloc(0) });
    expect(await show()).toEqual(uidsOfFirstSeries().slice(1));
    expect(await lastAudit()).toMatchObject({ reason_code: 'dicom-file/identity-mismatch', outcome: 'partial' });
  });
});

describe('large images', () => {
  // 0.5 MB is read whole, 2.9 MB leaves piece by piece; both are more than a connection takes at once.
  test.each([512, 1_200])('of %i² pixels leave whole, whatever the connection takes at once', async (size) => {
    const [uid = ''] = uidsOfFirstSeries();
    const invented = examinationStudy(1);
    const large = buildCtInstance(invented, inventedSeries(invented, 1, 'CT'), 1, size);
    expect(large.sopInstanceUid).toBe(uid);
    wado.faults.set(uid, { bytes: large.bytes });
    const { headers, body, isComplete } = await wado.ask(seriesPath());
    expect(isComplete).toBe(true);
    const [part, ...others] = splitMultipart(headers['content-type'], body);
    expect(others).toHaveLength(2);
    const pixels = 2 * size * size;
    expect(part?.bytes.subarray(-pixels).equals(large.bytes.subarray(-pixels))).toBe(true);
    expect(wado.openFiles()).toBe(0);
  });
});

describe('before and while it leaves', () => {
  test('nothing leaves while the audit cannot be written: 503 (A6)', async () => {
    await opened.store.knex.raw('ALTER TABLE audit RENAME TO audit_away');
    try {
      const { status, body } = await wado.ask(seriesPath());
      expect([status, body.length < 100]).toEqual([503, true]);
    } finally {
      await opened.store.knex.raw('ALTER TABLE audit_away RENAME TO audit');
    }
  });

  test('the first part leaves before the second is read', async () => {
    const [, second = ''] = uidsOfFirstSeries();
    let release = (): void => undefined;
    wado.faults.set(second, { waitsFor: new Promise((resolve) => (release = resolve)) });
    const answered = wado.ask(seriesPath());
    await expect.poll(async () => (await lastAudit())['outcome']).toBe('under-way');
    release();
    expect((await answered).status).toBe(200);
    expect(await lastAudit()).toMatchObject({ outcome: 'served' });
  });

  test('a peer that asks for more than its share waits, then is told when to come back (DB.SO.121)', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    for (const uid of uidsOfFirstSeries()) wado.faults.set(uid, { waitsFor: gate });
    const asked = [wado.ask(seriesPath()), wado.ask(seriesPath())];
    await expect.poll(() => wado.opens.length).toBeGreaterThanOrEqual(2);
    const third = await wado.ask(seriesPath());
    expect([third.status, Number(third.headers['retry-after'])]).toEqual([503, expect.any(Number)]);
    expect(await lastAudit()).toMatchObject({ outcome: 'failed', reason_code: 'wado/busy' });
    release();
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
  });
});
