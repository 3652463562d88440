/** A flood of refusals (DB.SO.121): nothing is lost in the count, and the table does not explode. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AuditEntry, type AuditResult, createAudit, loadAuditPage } from '../../plugin/audit/index.ts';
import { createCommitQueue } from '../../plugin/audit/commit-queue.ts';
import { createRefusalCounter } from '../../plugin/audit/refusal-counter.ts';
import { addressGroupOf, createRefusalFlood, manyAddresses } from '../../plugin/audit/refusal-flood.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';

const refused: AuditResult = { outcome: 'refused', httpStatus: 403, reasonCode: 'hl7/sender-not-allowed' };
const from = (address: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  transaction: 'wado-rs',
  correlationId: 'c',
  address,
  studyInstanceUid: '1.2.250.1.999999.2.1',
  ...more,
});
const limits = { rowsPerAddress: 3, rowsOfStrangers: 10, rowsPerPerson: 5, countedKeys: 4 };

describe('which refusal has a row of its own', () => {
  test('the first ones of an address, then a number; a new minute begins again', () => {
    const flood = createRefusalFlood(limits);
    const kinds = (atUtcMs: number) =>
      Array.from({ length: 5 }, () => flood.judge(from('203.0.113.9'), refused, atUtcMs).kind);
    expect(kinds(1_000)).toEqual(['row', 'row', 'row', 'count', 'count']);
    expect(kinds(59_999)).toEqual(['count', 'count', 'count', 'count', 'count']);
    expect(kinds(60_000)).toEqual(['row', 'row', 'row', 'count', 'count']);
  });

  test('a professional who tries studies one after the other has more of them: which studies, is what matters', () => {
    const flood = createRefusalFlood(limits);
    const known = from('203.0.113.9', { actorNationalId: '899700000001' });
    for (let at = 0; at < 5; at += 1) expect(flood.judge(known, refused, 0).kind).toBe('row');
    expect(flood.judge(known, refused, 0)).toMatchObject({
      kind: 'count',
      counted: { entry: { actorNationalId: '899700000001', address: '203.0.113.9' } },
    });
    // …and takes none from the strangers.
    expect(flood.judge(from('203.0.113.9'), refused, 0).kind).toBe('row');
  });

  test('a patient is known by the pseudonym at FranceConnect+: rows of their own, and counted under it', () => {
    const flood = createRefusalFlood(limits);
    const known = (actorSubject: string) => from('203.0.113.9', { actorSubject, actorClient: 'franceconnect' });
    for (let at = 0; at < 5; at += 1) expect(flood.judge(known('sub-1'), refused, 0).kind).toBe('row');
    const [one, other] = ['sub-1', 'sub-2'].map((subject) => {
      for (let at = 0; at < 5; at += 1) flood.judge(known(subject), refused, 0);
      const verdict = flood.judge(known(subject), refused, 0);
      return verdict.kind === 'count' ? verdict.counted : undefined;
    });
    expect([one?.entry.actorSubject, other?.entry.actorSubject]).toEqual(['sub-1', 'sub-2']);
    expect(one?.key).not.toBe(other?.key);
    // …and takes none from the strangers, nor from a professional who would be called alike.
    expect(flood.judge(from('203.0.113.9'), refused, 0).kind).toBe('row');
    expect(flood.judge(from('203.0.113.9', { actorNationalId: 'sub-1' }), refused, 0).kind).toBe('row');
  });

  test('an IPv6 network is one address: 2^64 of them belong to one machine', () => {
    expect(addressGroupOf('2001:0db8:0000:1::7')).toBe('2001:db8:0:1::/64');
    expect(addressGroupOf('2001:db8:0:1:ffff::')).toBe('2001:db8:0:1::/64');
    expect(addressGroupOf('2001:db8::9')).toBe('2001:db8:0:0::/64');
    expect(addressGroupOf('::1')).toBe('0:0:0:0::/64');
    expect(addressGroupOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(addressGroupOf('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(addressGroupOf('192.0.2.7')).toBe('192.0.2.7');
  });

  test('beyond the keys of a minute refusals are counted under their reason alone', () => {
    const flood = createRefusalFlood({ ...limits, rowsOfStrangers: 0 });
    const keys = Array.from({ length: 6 }, (_, at) => {
      const verdict = flood.judge(from(`192.0.2.${at}`), refused, 0);
      return verdict.kind === 'count' ? verdict.counted.entry.address : 'row';
    });
    expect(keys).toEqual(['192.0.2.0', '192.0.2.1', '192.0.2.2', '192.0.2.3', manyAddresses, manyAddresses]);
  });

  test('whatever comes, rows and keys of a minute stay within the limits', () => {
    const request = fc.record({
      address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()),
      status: fc.constantFrom(401, 403, 404),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 300 }), (requests) => {
        const flood = createRefusalFlood(limits);
        const verdicts = requests.map(({ address, status }) =>
          flood.judge(from(address), { ...refused, httpStatus: status }, 0),
        );
        const keys = verdicts.flatMap((verdict) => (verdict.kind === 'count' ? [verdict.counted.key] : []));
        expect(verdicts.filter(({ kind }) => kind === 'row').length).toBeLessThanOrEqual(limits.rowsOfStrangers);
        // One key a reason more.
        expect(new Set(keys).size).toBeLessThanOrEqual(limits.countedKeys + 3);
      }),
    );
  });
});

describe('a flood', () => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await openTestStore();
  }, 60_000);
  afterAll(() => opened.close());
  beforeEach(() => opened.store.knex.raw('TRUNCATE audit RESTART IDENTITY'));

  const rowsOf = async () => (await loadAuditPage(opened.store.knex, {}, 10_000)).lines;

  test('of 3,000 refusals in two minutes is a few rows that add up to 3,000', async () => {
    let now = 0;
    const audit = createAudit({ store: opened.store, clock: () => now, log: { warn: () => undefined }, limits });
    const telling: Promise<void>[] = [];
    for (let at = 0; at < 3_000; at += 1) {
      now = at * 40;
      telling.push(audit.record(from(`192.0.2.${at % 2}`), refused));
      if (at % 100 === 0) await Promise.all(telling);
    }
    await Promise.all(telling);
    const rows = await rowsOf();
    expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(3_000);
    // Three whole rows and one that counts, for two addresses in two minutes.
    expect(rows).toHaveLength(16);
    const counts = rows.filter(({ count }) => count > 1);
    expect(counts).toHaveLength(4);
    for (const row of counts) {
      expect(row).toMatchObject({ outcome: 'refused', httpStatus: 403, reason: 'hl7/sender-not-allowed' });
      expect(row.study).toBeUndefined();
      expect(['1970-01-01T00:00:00.000Z', '1970-01-01T00:01:00.000Z']).toContain(row.at);
    }
    await audit.stop();
  });

  test('while the database is away keeps its numbers in bounded memory, and writes all of them when it is back', async () => {
    let isAway = true;
    const queue = createCommitQueue({
      transaction: (work) =>
        isAway ? Promise.reject(new DrimboxError('store/unavailable')) : opened.store.transaction(work),
    });
    const counter = createRefusalCounter(queue, 10);
    for (let at = 0; at < 50; at += 1) {
      const counted = { minuteUtcMs: 0, key: `k ${at}`, entry: from(`192.0.2.${at}`), result: refused };
      await expect(counter.add(counted, at)).rejects.toMatchObject({ code: 'audit/unavailable' });
    }
    isAway = false;
    await counter.flush();
    const rows = await rowsOf();
    expect(rows).toHaveLength(11);
    expect(rows.find(({ address }) => address === manyAddresses)).toMatchObject({ count: 40 });
  });

  test('is counted on the disk when record resolves', async () => {
    const audit = createAudit({ store: opened.store, clock: () => 0, log: { warn: () => undefined }, limits });
    for (let at = 1; at <= 8; at += 1) {
      await audit.record(from('192.0.2.1'), refused);
      expect((await rowsOf()).reduce((sum, { count }) => sum + count, 0)).toBe(at);
    }
    await audit.stop();
  });
});
