/** Alerts, journal, messages and markers: rows that are kept, on one store. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  clearAlerts,
  clearPastAlerts,
  dropMessagePayloads,
  loadAlerts,
  loadJournal,
  loadMarkerTime,
  markAlertSeen,
  raiseAlert,
  type ReceivedMessage,
  saveAcceptedMessage,
  saveEvents,
  saveMarker,
  saveRefusedMessage,
} from '../../plugin/archive/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import type { DrimboxEvent } from '../../plugin/events.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

let opened: TestStore;
beforeAll(async () => {
  opened = await openTestStore();
}, 60_000);
afterAll(() => opened.close());
beforeEach(() => opened.empty());

describe('alerts: raised, seen, cleared (G3)', () => {
  const held = { code: 'publication/images-mismatch', subject: '1.2.3', detail: 'first' } as const;

  test('one open alert per code and subject: raised again it counts up and keeps when it was raised', async () => {
    const { knex } = opened.store;
    expect(await raiseAlert(knex, held, 1000)).toBe(true);
    expect(await raiseAlert(knex, { ...held, detail: 'second' }, 2000)).toBe(false);
    expect(await loadAlerts(knex)).toEqual([
      { id: 1, code: held.code, subject: '1.2.3', detail: 'second', count: 2, raisedAtUtcMs: 1000, lastAtUtcMs: 2000 },
    ]);
  });

  test('another code or another subject is another alert; the oldest comes first', async () => {
    const { knex } = opened.store;
    await raiseAlert(knex, held, 1);
    await raiseAlert(knex, { ...held, subject: '1.2.4' }, 2);
    await raiseAlert(knex, { ...held, code: 'dmp/refused' }, 3);
    expect((await loadAlerts(knex)).map(({ code, subject }) => `${code} ${subject}`)).toEqual([
      'publication/images-mismatch 1.2.3',
      'publication/images-mismatch 1.2.4',
      'dmp/refused 1.2.3',
    ]);
  });

  test('a cleared one stays for good, and the same again opens a new one', async () => {
    const { knex } = opened.store;
    await raiseAlert(knex, held, 1);
    expect(await clearAlerts(knex, '1.2.3', 5)).toBe(1);
    expect(await loadAlerts(knex)).toEqual([]);
    expect(await raiseAlert(knex, held, 9)).toBe(true);
    expect(await loadAlerts(knex, true)).toMatchObject([
      { clearedAtUtcMs: 5, count: 1 },
      { raisedAtUtcMs: 9, count: 1 },
    ]);
  });

  test('are cleared for one subject, or for one code of it', async () => {
    const { knex } = opened.store;
    await raiseAlert(knex, held, 1);
    await raiseAlert(knex, { ...held, code: 'dmp/refused' }, 1);
    await raiseAlert(knex, { ...held, subject: '1.2.4' }, 1);
    expect(await clearAlerts(knex, '1.2.3', 5, 'dmp/refused')).toBe(1);
    expect(await clearAlerts(knex, '1.2.3', 6)).toBe(1);
    expect(await clearAlerts(knex, '1.2.3', 7)).toBe(0);
    expect((await loadAlerts(knex)).map(({ subject }) => subject)).toEqual(['1.2.4']);
  });

  test('a look that works again clears what is no longer why the study is as it is', async () => {
    const { knex } = opened.store;
    await knex('study').insert({
      ...{ study_uid: '1.2.3', state: 'held', reason_code: 'publication/images-mismatch' },
      ...{ first_report_at_utc_ms: 1, images_deadline_at_utc_ms: 2, updated_at_utc_ms: 1 },
    });
    for (const code of ['orthanc/timeout', 'dmp/unavailable', 'publication/images-mismatch'] as const) {
      await raiseAlert(knex, { ...held, code }, 1);
    }
    await clearPastAlerts(knex, '1.2.3', 5);
    expect((await loadAlerts(knex)).map(({ code }) => code)).toEqual(['publication/images-mismatch']);
  });

  test('are marked as seen while they are open', async () => {
    const { knex } = opened.store;
    await raiseAlert(knex, held, 1);
    expect(await markAlertSeen(knex, 1, 3)).toBe(true);
    expect(await loadAlerts(knex)).toMatchObject([{ seenAtUtcMs: 3 }]);
    await clearAlerts(knex, '1.2.3', 5);
    expect(await markAlertSeen(knex, 1, 6)).toBe(false);
    expect(await markAlertSeen(knex, 99, 6)).toBe(false);
  });
});

describe('journal', () => {
  const event = (changes: Partial<DrimboxEvent> = {}): DrimboxEvent => ({ name: 'study/found', ...changes });

  test('gives back what was written, and leaves out what was not', async () => {
    const { knex } = opened.store;
    const full: DrimboxEvent = {
      name: 'dmp/refused',
      studyInstanceUid: '1.2.3',
      messageControlId: 'EX1',
      errorCode: 'dmp/refused',
      detail: { kind: 'publish', order: 7, known: true },
      statistic: 5,
      structureId: '1999999991',
    };
    await saveEvents(knex, 1_773_309_600_000, [full, event()]);
    expect(await loadJournal(knex, { limit: 10 })).toEqual([
      { id: 1, atUtcMs: 1_773_309_600_000, ...full },
      { id: 2, atUtcMs: 1_773_309_600_000, name: 'study/found', detail: {} },
    ]);
  });

  test('of one study, the newest last, at most so many', async () => {
    const { knex } = opened.store;
    for (let number = 1; number <= 5; number += 1) {
      await saveEvents(knex, number, [
        event({ studyInstanceUid: '1.2.3', detail: { number } }),
        event({ studyInstanceUid: '1.2.4' }),
        event(),
      ]);
    }
    const numbers = (await loadJournal(knex, { studyInstanceUid: '1.2.3', limit: 3 })).map(({ detail }) => detail);
    expect(numbers).toEqual([{ number: 3 }, { number: 4 }, { number: 5 }]);
    expect(await loadJournal(knex, { limit: 100 })).toHaveLength(15);
    expect(await loadJournal(knex, { studyInstanceUid: '1.2.5', limit: 100 })).toEqual([]);
  });

  test('nothing to write writes nothing', async () => {
    await saveEvents(opened.store.knex, 1, []);
    expect(await loadJournal(opened.store.knex, { limit: 10 })).toEqual([]);
  });
});

describe('messages', () => {
  const message = (changes: Partial<ReceivedMessage> = {}): ReceivedMessage => ({
    receivedAtUtcMs: 1000,
    peerAddress: '192.0.2.1',
    senderApplication: 'RIS',
    senderFacility: 'SITE',
    controlId: 'A',
    messageType: 'ORU^R01',
    raw: Buffer.from('MSH|'),
    ...changes,
  });
  const accept = (given: ReceivedMessage) => opened.store.transaction((trx) => saveAcceptedMessage(trx, given));
  const rows = async () => opened.store.knex('message').orderBy('id');

  test('an accepted one is kept once per sender, control id and content (B2)', async () => {
    expect(await accept(message())).toMatchObject({ kind: 'saved' });
    expect(await accept(message({ receivedAtUtcMs: 2000, peerAddress: '192.0.2.2' }))).toEqual({ kind: 'duplicate' });
    for (const changes of [
      { controlId: 'B' },
      { senderApplication: 'RIS-2' },
      { senderFacility: 'SITE-2' },
      { raw: Buffer.from('MSH||') },
    ]) {
      expect(await accept(message(changes))).toMatchObject({ kind: 'saved' });
    }
    expect(await rows()).toHaveLength(5);
  });

  test('a refused one is kept each time, with its reason, and is no duplicate of an accepted one', async () => {
    const error = new DrimboxError('hl7/field-missing', { detail: 'MSH-12 is empty' });
    await saveRefusedMessage(opened.store.knex, message(), error);
    await saveRefusedMessage(opened.store.knex, message(), error);
    expect(await accept(message())).toMatchObject({ kind: 'saved' });
    expect(await rows()).toMatchObject([
      { outcome: 'refused', error_code: 'hl7/field-missing', error_detail: 'MSH-12 is empty' },
      { outcome: 'refused' },
      { outcome: 'accepted', error_code: null },
    ]);
  });

  test('one whose fields no text column can hold is kept all the same, byte for byte', async () => {
    const raw = Uint8Array.from([0, 255, 0x0b, 0x1c]);
    const given = message({ controlId: 'A\0B', senderApplication: `\0${'x'.repeat(5000)}`, raw });
    await saveRefusedMessage(opened.store.knex, given, new DrimboxError('hl7/message-invalid'));
    const [row] = await rows();
    expect(row).toMatchObject({ control_id: 'AB', outcome: 'refused' });
    expect([...row.raw]).toEqual([...raw]);
  });

  test('lose their payload after a while, and nothing else (G2)', async () => {
    await accept(message({ receivedAtUtcMs: 999 }));
    await accept(message({ receivedAtUtcMs: 1000, controlId: 'B' }));
    expect(await dropMessagePayloads(opened.store.knex, 1000)).toBe(1);
    expect(await dropMessagePayloads(opened.store.knex, 1000)).toBe(0);
    const [old, young] = await rows();
    expect(old).toMatchObject({ raw: null, control_id: 'A', outcome: 'accepted' });
    expect(old.content_sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(young.raw).not.toBeNull();
    expect(await accept(message({ receivedAtUtcMs: 5000 }))).toEqual({ kind: 'duplicate' });
  });
});

describe('markers', () => {
  test('keep the last value and when it was written', async () => {
    const { knex } = opened.store;
    expect(await loadMarkerTime(knex, 'orthanc-hook')).toBeUndefined();
    await saveMarker(knex, 'orthanc-hook', 'first', 1);
    await saveMarker(knex, 'orthanc-hook', 'second', 2);
    await saveMarker(knex, 'other', '', 9);
    expect(await loadMarkerTime(knex, 'orthanc-hook')).toBe(2);
    expect(await knex('marker').where({ name: 'orthanc-hook' })).toMatchObject([{ value: 'second' }]);
  });
});
