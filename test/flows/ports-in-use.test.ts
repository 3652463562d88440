import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../peers/postgres/index.ts';
import { runDrimbox, startSite, type Site } from '../peers/site/index.ts';

describe('a port that is taken', () => {
  let site: Site;
  let folder: string;
  beforeAll(async () => {
    site = await startSite();
    folder = mkdtempSync(join(tmpdir(), 'drimbox-second-'));
  });
  afterAll(async () => {
    await site.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const serveBeside = (env: Record<string, string>) =>
    runDrimbox(['serve'], {
      configFile: site.configFile,
      env: { ...site.env, DRIMBOX_STORE__FOLDER: folder, DRIMBOX_LOG__LEVEL: 'silent', ...env },
    });

  test('of the hook ends the service with its code: it must not live on deaf', async () => {
    const { status, stderr } = await serveBeside({ DRIMBOX_HL7__LISTENERS__0__PORT: String(await findFreePort()) });
    expect([status, stderr.split(':')[0]]).toEqual([1, 'orthanc/hook-listen-failed']);
  });

  test('of the RIS ends the service with its code: it must not live on deaf', async () => {
    const { status, stderr } = await serveBeside({ DRIMBOX_ORTHANC__HOOK__PORT: String(await findFreePort()) });
    expect([status, stderr.split(':')[0]]).toEqual([1, 'hl7/listen-failed']);
  });

  test('and a second service on the same embedded store is refused', async () => {
    const { status, stderr } = await serveBeside({
      DRIMBOX_STORE__FOLDER: join(site.folder, 'store'),
      DRIMBOX_ORTHANC__HOOK__PORT: String(await findFreePort()),
      DRIMBOX_HL7__LISTENERS__0__PORT: String(await findFreePort()),
    });
    expect([status, stderr.split(':')[0]]).toEqual([1, 'store/locked']);
  });
});
