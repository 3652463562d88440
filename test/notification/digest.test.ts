/** What one message says, and what it never says. */
import { describe, expect, test } from 'vitest';
import { buildDigest, maxSubjects } from '../../plugin/notification/digest.ts';
import { digestSubjectLine, formatDigest, formatSiteTime } from '../../plugin/notification/digest-text.ts';
import { buildEmail, threadIdOf } from '../../plugin/notification/email-message.ts';
import { buildWebhookBody, signWebhook, type WebhookBody } from '../../plugin/notification/webhook-body.ts';
import { digestOf, notice, nowUtcMs, site, studyUid } from './invented.ts';

const hundred = Array.from({ length: 100 }, (_, index) => notice(index + 1));
const bodyOf = (digest: ReturnType<typeof digestOf>): WebhookBody =>
  JSON.parse(Buffer.from(buildWebhookBody(digest)).toString('utf8')) as WebhookBody;

describe('a digest', () => {
  test('100 studies that fail for one cause are one paragraph: the count and the first 20 UIDs (G3)', () => {
    const { groups } = digestOf(hundred.toReversed());
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({ code: 'dmp/unreachable', count: 100, sinceUtcMs: nowUtcMs - 59_999 });
    expect(groups[0]?.subjects.map(({ subject }) => subject)).toEqual(
      Array.from({ length: maxSubjects }, (_, index) => studyUid(index + 1)),
    );
    const text = formatDigest(digestOf(hundred));
    expect(text).toContain('100 alertes, depuis le 21/11/2025 08:29.');
    expect(text).toContain('et 80 autres.');
    expect(text.split('\n').length).toBeLessThan(40);
  });

  test('each cause and each turn of life is a paragraph: new first, then reminders, then what is over', () => {
    const digest = digestOf([
      notice(1, { kind: 'cleared', clearedAtUtcMs: nowUtcMs }),
      notice(2, { kind: 'reminder' }),
      notice(3, { code: 'dmp/refused' }),
      notice(4),
      notice(5),
    ]);
    expect(digest.groups.map(({ kind, code, count }) => `${kind} ${code} ${count}`)).toEqual([
      'raised dmp/unreachable 2',
      'raised dmp/refused 1',
      'reminder dmp/unreachable 1',
      'cleared dmp/unreachable 1',
    ]);
    expect(formatDigest(digest)).toMatch(/ALERTE — Le DMP ne répond pas\.[^]*RAPPEL — [^]*RÉSOLU — /);
  });

  test('says since when in the zone of the site, what to do, how often, and where to see more', () => {
    const text = formatDigest(digestOf([notice(7, { count: 3 })]));
    expect(text).toContain('DRIMbox Orthanc 0.0.1-test — db.exemple.invalid (environnement de test)');
    expect(text).toContain('(Europe/Paris)');
    expect(text).toContain('À faire : Remède de dmp/unreachable.');
    expect(text).toContain(`n° 7  ${studyUid(7)}  depuis le 21/11/2025 08:29, 3 fois`);
    expect(text).toContain('« drimbox alerts »');
  });

  test('times follow the summer time of the zone, and a zone without', () => {
    const summer = Date.UTC(2025, 6, 14, 22, 5);
    expect(formatSiteTime(summer, 'Europe/Paris')).toBe('15/07/2025 00:05');
    expect(formatSiteTime(summer, 'America/Martinique')).toBe('14/07/2025 18:05');
  });

  test('what is over needs no remedy', () => {
    expect(digestOf([notice(1, { kind: 'cleared', clearedAtUtcMs: nowUtcMs })]).groups[0]).not.toHaveProperty('remedy');
  });

  test('a code of another version is told all the same', () => {
    const [group] = digestOf([notice(1, { code: 'later/thing' })]).groups;
    expect(group).toMatchObject({ code: 'later/thing', text: 'Alerte inconnue de cette version.' });
  });

  test.each([
    ['a name', 'EXEMPLE Camille'],
    ['an INS', '199017512345657'],
    ['a RPPS number', '899700000017'],
    ['a header', '1.2.3\r\nBcc: autre@exemple.fr'],
    ['markup', '<b>1.2</b>'],
    ['a long text', '1.2.3'.repeat(20)],
  ])('a subject that is neither a UID nor a plain word stays in the list of alerts: %s (A6)', (_, subject) => {
    const digest = digestOf([notice(1, { subject })]);
    const told = formatDigest(digest) + digestSubjectLine(digest) + JSON.stringify(bodyOf(digest));
    expect(told).not.toContain(subject.slice(0, 12).trim() === '1.2.3' ? 'Bcc' : subject);
    expect(told).not.toContain('autre@exemple.fr');
    expect(formatDigest(digest)).toContain('n° 1  (sujet non transmis)');
    expect(bodyOf(digest).alerts[0]?.subjects[0]).not.toHaveProperty('subject');
  });

  test.each([['orthanc'], ['email'], [studyUid(9)]])('tells the subject %s', (subject) =>
    expect(formatDigest(digestOf([notice(1, { subject })]))).toContain(subject),
  );
});

describe('a mail', () => {
  const given = { from: 'drimbox@exemple.fr', to: ['pacs@exemple.fr'], uuid: 'u-1' };

  test('mails about one code of one site belong to one thread, and no two sites share one', () => {
    const first = buildEmail(digestOf([notice(1)]), given);
    const later = buildEmail(digestOf([notice(2, { kind: 'cleared', clearedAtUtcMs: nowUtcMs })]), {
      ...given,
      uuid: 'u-2',
    });
    expect(later.references).toEqual(first.references);
    expect(later.messageId).not.toBe(first.messageId);
    expect(threadIdOf('dmp/refused', site.name, 'exemple.fr')).not.toBe(first.references[0]);
    expect(threadIdOf('dmp/unreachable', 'db.autre.invalid', 'exemple.fr')).not.toBe(first.references[0]);
  });

  test.each([
    [[notice(1)], '[DRIMbox db.exemple.invalid TEST] 1 alerte : Le DMP ne répond pas.'],
    [
      [notice(1), notice(2), notice(3, { code: 'dmp/refused' })],
      '[DRIMbox db.exemple.invalid TEST] 3 alertes : Le DMP ne répond pas. (et 1 autre cause)',
    ],
    [[notice(1, { kind: 'reminder' })], '[DRIMbox db.exemple.invalid TEST] rappel, 1 alerte : Le DMP ne répond pas.'],
    [[notice(1, { kind: 'cleared' })], '[DRIMbox db.exemple.invalid TEST] résolu, 1 alerte : Le DMP ne répond pas.'],
  ])('its subject says how many and why', (notices, subject) =>
    expect(buildEmail(digestOf(notices), given).subject).toBe(subject),
  );
});

describe('the body of a webhook', () => {
  test('has the documented form', () => {
    expect(bodyOf(digestOf([notice(1, { count: 2 })]))).toEqual({
      version: 1,
      sentAt: '2025-11-21T07:30:00.000Z',
      site: 'db.exemple.invalid',
      environment: 'test',
      software: { name: 'DRIMbox Orthanc', version: '0.0.1-test' },
      alerts: [
        {
          state: 'raised',
          code: 'dmp/unreachable',
          text: 'Le DMP ne répond pas.',
          remedy: 'Remède de dmp/unreachable.',
          count: 1,
          since: '2025-11-21T07:29:00.001Z',
          subjects: [{ alert: 1, subject: studyUid(1), occurrences: 2, raisedAt: '2025-11-21T07:29:00.001Z' }],
        },
      ],
    });
  });

  test('stays below 256 KiB whatever happens: beyond, counts without subjects', () => {
    const codes = Array.from(
      { length: 200 },
      (_, index) =>
        `later/${'a'.repeat(40)}${String.fromCharCode(97 + (index % 26))}${'b'.repeat(1 + Math.floor(index / 26))}`,
    );
    const notices = codes.flatMap((code, row) =>
      Array.from({ length: 20 }, (_, index) => notice(row * 20 + index + 1, { code, subject: `1.${'2'.repeat(62)}` })),
    );
    const body = buildWebhookBody(digestOf(notices));
    expect(body.byteLength).toBeLessThan(256 * 1024);
    const { alerts } = JSON.parse(Buffer.from(body).toString('utf8')) as WebhookBody;
    expect(alerts).toHaveLength(200);
    expect(alerts.every(({ count, subjects }) => count === 20 && subjects.length === 0)).toBe(true);
  });

  test('is signed by HMAC-SHA-256 of "timestamp.body" (value computed with openssl)', () => {
    expect(signWebhook('EXEMPLE-SECRET', '1763710200', Buffer.from('{"version":1}'))).toBe(
      'sha256=e29e1c077ee79669eebd114db7a68c7e685f67895b4f391b8dc9d86414f9e49d',
    );
  });
});

test('without a remedy none is written', () => {
  const digest = buildDigest([notice(1)], { site, atUtcMs: nowUtcMs, remedyOf: () => undefined });
  expect(formatDigest(digest)).not.toContain('À faire');
  expect(bodyOf(digest).alerts[0]).not.toHaveProperty('remedy');
});
