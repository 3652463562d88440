/**
 * The doctor of a configured site, put together as `drimbox doctor` does: whitelist, revocation lists and Pro Santé Connect are
 * there, the PACS and the DMP are not. Every name is invented.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DrimboxError } from '../plugin/errors.ts';
import { examine } from '../plugin/examination.ts';
import type { DoctorReport } from '../plugin/health/index.ts';
import { inventedOrganization } from './fixtures/report/build-cda.ts';
import { makeCa } from './peers/ca/make-ca.ts';
import { type DrimboxPeer, startDrimbox } from './peers/drimbox/index.ts';
import { exampleClients } from './peers/psc/index.ts';
import { startVisitors, type Visitors } from './peers/visitors/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'drimbox-examination-'));
const file = (name: string): string => join(folder, name);
let peer: DrimboxPeer;
let visitors: Visitors;
beforeAll(async () => {
  mkdirSync(file('secrets'));
  const ca = await makeCa('.cache/ca-site', { structures: [inventedOrganization] });
  peer = await startDrimbox({ ca, folder, storageFolder: file('storage') });
  visitors = await startVisitors({ ca, folder });
}, 60_000);
afterAll(async () => {
  await peer.stop();
  await visitors.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Nobody listens on port 1. */
const write = (section: object): string => {
  const { authCli, sign } = peer.structure;
  writeFileSync(file('hook'), 'EXEMPLE', { mode: 0o600 });
  const configuration = file('drimbox.json');
  const drimbox = {
    Environment: 'test',
    RetrieveUrlBase: 'https://db999.exemple.fr/drimbox',
    Store: { Folder: folder },
    Hl7: { Listeners: [{ Port: 2575 }] },
    Dmp: {
      BaseUrl: 'https://127.0.0.1:1/services',
      CaFile: peer.ca.rootCertificateFile,
      SourceId: '1.2.250.1.999999.1',
      Lps: { HomologationNumber: 'EXEMPLE-0000' },
      Structures: [
        {
          Id: inventedOrganization.id,
          Name: inventedOrganization.name,
          AuthCertificateFile: authCli.certificateFile,
          AuthKeyFile: authCli.keyFile,
          SignCertificateFile: sign.certificateFile,
          SignKeyFile: sign.keyFile,
        },
      ],
    },
    ...section,
    Orthanc: { Url: 'http://127.0.0.1:1', Hook: { SecretFile: file('hook') } },
  };
  writeFileSync(configuration, JSON.stringify({ DrimBox: drimbox }));
  return configuration;
};

const report = async (section: object): Promise<{ report: DoctorReport; text: string }> => {
  const openStore = () => Promise.reject(new DrimboxError('store/absent'));
  const ports = { clock: Date.now, newUuid: randomUUID, randomBytes, openStore };
  const options = { configPath: write(section), env: {}, asJson: true };
  const { text } = await examine(ports, options);
  return { text, report: JSON.parse(text) as DoctorReport };
};
const resultOf = ({ report: { results } }: { report: DoctorReport }, name: string) =>
  results.find((one) => one.name === name);

describe('drimbox doctor', () => {
  test('looks at the whitelist, the revocation lists and Pro Santé Connect of a site that gives images', async () => {
    const done = await report(peer.section);
    expect(resultOf(done, 'configuration')?.state).not.toBe('failed');
    expect(resultOf(done, 'psc')).toMatchObject({ state: 'ok' });
    expect(resultOf(done, 'revocation-lists')).toMatchObject({
      state: 'ok',
      details: [{}, {}].map(() => expect.any(String)),
    });
    // The stand-in whitelist has the certificate under the name of the other DRIMbox.
    expect(resultOf(done, 'whitelist')).toMatchObject({
      state: 'warning',
      message: 'La liste blanche ne nous connaît pas sous tous nos noms.',
      details: expect.arrayContaining([
        `Source ${file('whitelist.xml')} : liste reçue et acceptée`,
        'localhost : son certificat est dans la liste, sous un autre nom',
      ]),
    });
    expect(resultOf(done, 'orthanc-reachable')?.state).toBe('failed');
    expect(done.text).not.toContain(exampleClients.source.secret);
  });

  test('a site that gives no images has nothing to look at there', async () => {
    const done = await report({});
    for (const name of ['whitelist', 'revocation-lists', 'psc']) {
      expect(resultOf(done, name)).toMatchObject({
        state: 'skipped',
        message: expect.stringContaining('DrimBox.Trust'),
      });
    }
  });

  test('looks at the viewer of a site that has one: here the service is not running', async () => {
    const done = await report({ ...peer.section, ...visitors.section });
    expect(resultOf(done, 'viewer-files')).toMatchObject({ state: 'ok' });
    expect(resultOf(done, 'viewer-names')).toMatchObject({
      state: 'failed',
      details: [expect.stringMatching(/^localhost : certificat valable jusqu’au .*, ne répond pas \(ECONNREFUSED\)$/)],
    });
    expect(resultOf(done, 'sign-in-psc')).toMatchObject({
      state: 'ok',
      details: expect.arrayContaining(['Client de localhost : connu, et un code inventé est refusé']),
    });
    expect(resultOf(done, 'sign-in-franceconnect')).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('Nos clés ne peuvent pas être lues'),
      details: expect.arrayContaining([
        'Client de localhost : connu, et un code inventé est refusé',
        'localhost : nos clés ne peuvent pas y être lues (ECONNREFUSED)',
      ]),
    });
    expect(done.text).not.toMatch(/secret-exemple/);
  });

  test('a site without a viewer has nothing to look at there either', async () => {
    const done = await report(peer.section);
    for (const name of ['viewer-files', 'viewer-names', 'sign-in-psc', 'sign-in-franceconnect']) {
      expect(resultOf(done, name)).toMatchObject({
        state: 'skipped',
        message: expect.stringContaining('DrimBox.Viewer'),
      });
    }
  });

  test('without a configuration that can be read it says that it did not look', async () => {
    const ports = { clock: Date.now, newUuid: randomUUID, randomBytes, openStore: () => Promise.reject(new Error()) };
    const { text, isHealthy } = await examine(ports, { configPath: file('absent.json'), env: {}, asJson: false });
    expect(isHealthy).toBe(false);
    expect(text).toMatch(/Liste blanche +Non examiné\./);
  });
});
