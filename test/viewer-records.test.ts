/** What is written down of the viewer, in the audit as it is: on a store of its own. Invented people and studies. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Audit, createAudit } from '../plugin/audit/index.ts';
import { DrimboxError } from '../plugin/errors.ts';
import type { DrimboxEvent } from '../plugin/events.ts';
import type { DownloadEnd, EntryOpening, Examination } from '../plugin/viewer-access/index.ts';
import { beginDownload, createBeginOpening, createRecord } from '../plugin/viewer-records.ts';
import type { PatientTraits } from '../plugin/viewer-sign-in.ts';
import { openTestStore, type TestStore } from './fixtures/store/index.ts';

let opened: TestStore;
let audit: Audit;
const events: DrimboxEvent[] = [];
const keepEvents = (some: readonly DrimboxEvent[]): void => void events.push(...some);
beforeAll(async () => {
  opened = await openTestStore();
  audit = createAudit({ store: opened.store, clock: () => Date.UTC(2026, 2, 12, 10), log: { warn: () => undefined } });
}, 60_000);
afterAll(() => opened.close());
beforeEach(async () => {
  events.length = 0;
  await opened.store.knex.raw('TRUNCATE audit RESTART IDENTITY');
});

const uidOf = (number: number): string => `1.2.250.1.999999.30.${number}`;
const ins = { value: '285031234567801', oid: '1.2.250.1.213.1.4.10' } as EntryOpening<never>['studies'][0]['ins'];
const browser = { host: 'vi1.exemple', origin: 'https://vi1.exemple', address: '192.0.2.1', correlationId: 'c-1' };
const session = {
  id: '1',
  viewer: { kind: 'professional', nationalId: '899700000001' },
  name: 'Invented',
  idleEndsAtUtcMs: 0,
  endsAtUtcMs: 0,
  situationsToChoose: [],
} as const;
const studyOf = (number: number) => ({
  studyInstanceUid: uidOf(number),
  kosSopInstanceUid: `${uidOf(number)}.9`,
  ins,
});
const link = { studyInstanceUid: uidOf(1) } as EntryOpening<PatientTraits>['link'];
const opening: EntryOpening<PatientTraits> = { browser, session, link, studies: [studyOf(1), studyOf(2)] };

interface Line {
  readonly study_uid: string;
  readonly outcome: string;
  readonly http_status: number | null;
  readonly reason_code: string | null;
}
const lines = async (): Promise<readonly Line[]> => opened.store.knex<Line>('audit').orderBy('study_uid');

const unavailableFrom = (number: number): Audit => ({
  ...audit,
  begin: (entry) =>
    entry.studyInstanceUid === uidOf(number)
      ? Promise.reject(new DrimboxError('audit/unavailable'))
      : audit.begin(entry),
});

describe('a link that opens studies', () => {
  test('has a row for each before the first is open, and is served when it is', async () => {
    const tellOpened = await createBeginOpening({ audit, keepEvents })(opening);
    expect((await lines()).map((one) => [one.study_uid, one.outcome])).toEqual([
      [uidOf(1), 'under-way'],
      [uidOf(2), 'under-way'],
    ]);
    expect(events).toEqual([]);
    await tellOpened();
    expect(await lines()).toMatchObject([
      { study_uid: uidOf(1), outcome: 'served', http_status: 200, reason_code: null },
      { study_uid: uidOf(2), outcome: 'served', http_status: 200, reason_code: null },
    ]);
    expect(events).toMatchObject([{ name: 'viewer/opened', studyInstanceUid: uidOf(1) }]);
  });

  test('is not served when nothing was opened after all', async () => {
    const tellOpened = await createBeginOpening({ audit, keepEvents })(opening);
    await tellOpened('sign-in/grants-too-many');
    const failed = { outcome: 'failed', http_status: 429, reason_code: 'sign-in/grants-too-many' };
    expect(await lines()).toMatchObject([failed, failed]);
    expect(events).toMatchObject([{ name: 'viewer/failed', errorCode: 'sign-in/grants-too-many' }]);
  });

  test('opens nothing when one row cannot be written, and says so in the others', async () => {
    const begin = createBeginOpening({ audit: unavailableFrom(2), keepEvents });
    await expect(begin(opening)).rejects.toMatchObject({ code: 'audit/unavailable' });
    const failed = { outcome: 'failed', http_status: 503, reason_code: 'audit/unavailable' };
    expect(await lines()).toMatchObject([{ study_uid: uidOf(1), ...failed }]);
    expect(events.map(({ name }) => name)).toEqual(['viewer/failed']);
  });

  test('and is refused has its reason', async () => {
    const reason = 'viewer-access/masked';
    await createRecord({ audit, keepEvents })({ browser, session, link, outcome: 'refused', reason, ins });
    expect(await lines()).toMatchObject([{ outcome: 'refused', http_status: 404, reason_code: reason }]);
    expect(events).toMatchObject([{ name: 'viewer/refused', errorCode: reason }]);
  });
});

describe('a download', () => {
  const examination = {
    browser,
    session,
    kosSopInstanceUid: `${uidOf(1)}.9`,
    manifest: { studyInstanceUid: uidOf(1), structureId: '1990000001', ins },
  } as unknown as Examination<PatientTraits>;
  const counts = { bytes: 2_000_000, objects: 3 };

  test.each<[DownloadEnd, object]>([
    [
      { ...counts, outcome: 'served', httpStatus: 206 },
      { outcome: 'served', http_status: 206, reason_code: null },
    ],
    [
      { ...counts, outcome: 'cancelled', httpStatus: 200 },
      { outcome: 'cancelled', http_status: 200 },
    ],
    [
      { ...counts, outcome: 'partial', httpStatus: 200, reason: 'orthanc/unreachable' },
      { outcome: 'partial', http_status: 200, reason_code: 'orthanc/unreachable' },
    ],
    [
      { bytes: 0, objects: 0, outcome: 'refused', httpStatus: 416, reason: 'viewer-access/range-unsatisfiable' },
      { outcome: 'refused', http_status: 416, reason_code: 'viewer-access/range-unsatisfiable' },
    ],
  ])('ends as it ended: %o', async (end, row) => {
    const tellEnd = await beginDownload({ audit, keepEvents })(examination);
    expect(await lines()).toMatchObject([{ outcome: 'under-way' }]);
    await tellEnd(end);
    expect(await lines()).toMatchObject([row]);
    expect(events.map(({ name }) => name)).toEqual(end.bytes > 0 ? ['viewer/bytes-counted'] : []);
  });
});
