/** Alerts, digests and ports for the tests of this room. Everything is invented. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DueNotice } from '../../plugin/archive/index.ts';
import { type Digest, type AlertingSite, buildDigest } from '../../plugin/notification/digest.ts';

export const site: AlertingSite = {
  name: 'db.exemple.invalid',
  environment: 'test',
  timeZone: 'Europe/Paris',
  software: { name: 'DRIMbox Orthanc', version: '0.0.1-test' },
};

/** 21/11/2025 08:30 in Paris. */
export const nowUtcMs = Date.UTC(2025, 10, 21, 7, 30);

/** A StudyInstanceUID of its own. */
export const studyUid = (number: number): string => `1.2.250.1.999999.40.${number}`;

export const notice = (number: number, changes: Partial<DueNotice> = {}): DueNotice => ({
  alertId: number,
  kind: 'raised',
  code: 'dmp/unreachable',
  subject: studyUid(number),
  count: 1,
  raisedAtUtcMs: nowUtcMs - 60_000 + number,
  lastAtUtcMs: nowUtcMs,
  ...changes,
});

export const digestOf = (notices: readonly DueNotice[]): Digest =>
  buildDigest(notices, { site, atUtcMs: nowUtcMs, remedyOf: (code) => `Remède de ${code}.` });

export const secretFiles = (texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-notification-'));
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const path = join(folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      return [name, path];
    }),
  );
};
