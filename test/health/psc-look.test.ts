/** The doctor asks a Pro Santé Connect over real TLS, on oidc-provider: every way it may answer has its own line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { type CheckResult, formatDoctorReport, runDoctor } from '../../plugin/health/index.ts';
import { lookAtPsc } from '../../plugin/health/psc-look.ts';
import { pscOptions } from '../../plugin/trust/index.ts';
import { wellTrust } from '../fixtures/health/trust-facts.ts';
import { mutualTlsClient, openPscSetting, type PscSetting } from '../fixtures/trust/psc-setting.ts';
import { exampleClients } from '../peers/psc/index.ts';

let setting: PscSetting;
beforeAll(async () => {
  setting = await openPscSetting();
}, 60_000);
afterAll(() => setting.stop());
afterEach(() => setting.psc.faults.clear());

type Input = Partial<z.input<typeof pscOptions>>;

const report = (input: Input, timeoutMs = 5_000) => {
  const { issuer, introspectionUrl, userinfoUrl, keysUrl } = setting.psc.endpoints;
  const options = pscOptions.parse({
    environment: 'custom',
    endpoints: { issuer, introspectionUrl, userinfoUrl, keysUrl },
    clientId: exampleClients.source.clientId,
    ...(input.certificateFile === undefined ? { clientSecretFile: join(setting.folder, 'secret') } : {}),
    caFile: setting.ca.rootCertificateFile,
    ...input,
  });
  const ports = { clock: Date.now, randomBytes: (size: number) => Buffer.alloc(size), timeoutMs };
  return runDoctor({
    clock: Date.now,
    trust: { ...wellTrust(Date.now()), psc: () => lookAtPsc(options, ports) },
  });
};
const look = async (input: Input = {}, timeoutMs?: number): Promise<CheckResult> => {
  const { results } = await report(input, timeoutMs);
  const result = results.find(({ name }) => name === 'psc');
  if (result === undefined) throw new Error('no check');
  return result;
};
const secretFile = (text: string): string => {
  const file = join(setting.folder, 'other-secret');
  writeFileSync(file, text);
  return file;
};

describe('Pro Santé Connect, looked at by the doctor', () => {
  test('is well when it is who it should be, gives its keys and answers us; three questions, no more', async () => {
    const asked = setting.psc.log.length;
    expect(await look()).toMatchObject({
      state: 'ok',
      details: [
        `Émetteur : ${setting.psc.issuer}`,
        'Document de découverte : annonce l’émetteur et les adresses configurés',
        'Clés : reçues',
        'Introspection : répond à ce logiciel, et déclare inactif un jeton inventé',
      ],
    });
    const questions = setting.psc.log.slice(asked).map(({ endpoint, status }) => `${endpoint} ${status}`);
    expect(questions.toSorted()).toEqual(['discovery 200', 'introspection 200', 'keys 200']);
  });

  test('is well with a client certificate (trust space)', async () => {
    const { authCli } = setting.ca.structures['1990000001'] ?? { authCli: setting.ca.server };
    const files = { certificateFile: authCli.certificateFile, keyFile: authCli.keyFile };
    expect(await look({ clientId: mutualTlsClient, ...files })).toMatchObject({ state: 'ok' });
  });

  test('its clock is read as well (G4)', async () => {
    const { results } = await report({});
    expect(results.find(({ name }) => name === 'clock-skew')).toMatchObject({
      state: 'ok',
      message: 'L’horloge concorde avec celle de Pro Santé Connect.',
    });
  });

  test.each([
    ['a wrong secret', () => ({ clientSecretFile: secretFile('faux-secret-exemple') }), 'HTTP 401'],
    ['an unknown client', () => ({ clientId: 'inconnu-exemple' }), 'HTTP 401'],
    [
      'a client that is not entitled to introspection',
      () => ({
        clientId: exampleClients.stranger.clientId,
        clientSecretFile: secretFile(exampleClients.stranger.secret),
      }),
      'HTTP 403',
    ],
  ])('%s is told as such, and what is to be looked at', async (_, input, detail) => {
    const result = await look(input());
    expect(result).toMatchObject({ state: 'failed', remedy: expect.stringContaining('Trust.Psc.ClientId') });
    expect(result.details?.[3]).toContain(`Introspection : Pro Santé Connect refuse ce logiciel.`);
    expect(result.details?.[3]).toContain(`trust/psc-refused-us, ${detail}`);
    expect(result.details?.[2]).toBe('Clés : reçues');
  });

  test('nobody listens', async () => {
    await setting.psc.faults.order({ kind: 'down' });
    const result = await look();
    expect(result).toMatchObject({ state: 'failed', remedy: expect.stringContaining('réseau sortant') });
    expect(result.details?.slice(1).every((line) => line.includes('(trust/psc-unreachable, ECONNREFUSED)'))).toBe(true);
  });

  test('a server of another authority is not believed', async () =>
    expect(await look({ caFile: setting.ca.negative.rogueAuthCli.certificateFile })).toMatchObject({
      state: 'failed',
      remedy: expect.stringContaining('Trust.Psc.CaFile'),
      details: expect.arrayContaining([expect.stringMatching(/^Introspection : .*trust\/psc-tls-refused/)]),
    }));

  test('that answers too late is not waited for longer than the doctor has patience', async () => {
    await setting.psc.faults.order({ kind: 'slow', delayMs: 60_000 });
    const result = await look({ timeoutMs: 60_000, connectTimeoutMs: 60_000 }, 300);
    expect(result.state).toBe('failed');
    for (const line of result.details?.slice(1) ?? []) expect(line).toContain('trust/psc-timeout');
  });

  test('that calls itself something else: its tokens would all be refused', async () => {
    const body = { issuer: 'https://autre.exemple/realms/esante-wallet' };
    await setting.psc.faults.order({ kind: 'nonsense-json', endpoints: ['discovery'], body });
    expect(await look()).toMatchObject({
      state: 'failed',
      message: 'Pro Santé Connect annonce un autre émetteur que celui configuré.',
      details: expect.arrayContaining([`Document de découverte : annonce un autre émetteur : ${body.issuer}`]),
    });
  });

  test('that has moved its addresses is a warning with the keys of the configuration', async () => {
    const { issuer, userinfoUrl, introspectionUrl } = setting.psc.endpoints;
    const body = {
      issuer,
      introspection_endpoint: 'https://ailleurs.exemple/introspect',
      mtls_endpoint_aliases: { introspection_endpoint: introspectionUrl },
      userinfo_endpoint: `${userinfoUrl}2`,
      jwks_uri: 'https://ailleurs.exemple/certs',
    };
    await setting.psc.faults.order({ kind: 'nonsense-json', endpoints: ['discovery'], body });
    expect(await look()).toMatchObject({
      state: 'warning',
      details: expect.arrayContaining(['Document de découverte : annonce d’autres adresses que UserinfoUrl, KeysUrl']),
    });
  });

  test.each([
    [{ kind: 'nonsense' }, 'not a discovery document'],
    [{ kind: 'nonsense-json', body: { issuer: 7 } }, 'not a discovery document'],
    [{ kind: 'error', status: 500 }, 'HTTP 500'],
    [{ kind: 'error', status: 404 }, 'HTTP 404'],
    [{ kind: 'redirect' }, 'HTTP 302'],
    [{ kind: 'cut' }, 'trust/psc-unreachable'],
    [{ kind: 'huge' }, 'trust/psc-'],
  ] as const)(
    'a document that cannot be read (%o) is a warning: the service does without it',
    async (fault, detail) => {
      await setting.psc.faults.order({ ...fault, endpoints: ['discovery'] });
      const result = await look();
      expect(result.state).toBe('warning');
      expect(result.details?.[1]).toContain(detail);
      expect(result.details?.[3]).toContain('répond à ce logiciel');
    },
  );

  test('that has lost its keys fails: no token can be checked', async () => {
    await setting.psc.faults.order({ kind: 'error', status: 503, endpoints: ['keys'] });
    expect(await look()).toMatchObject({ state: 'failed', message: expect.stringContaining('Les clés') });
    expect(await look({ allowInsecureMissingKeys: true })).toMatchObject({ state: 'warning' });
  });

  test('that calls an invented token active is no Pro Santé Connect', async () => {
    await setting.psc.faults.order({ kind: 'nonsense-json', endpoints: ['introspection'], body: { active: true } });
    expect(await look()).toMatchObject({
      state: 'failed',
      message: 'L’introspection déclare actif un jeton inventé : elle ne protège de rien.',
    });
  });

  test('a file of the section that cannot be read is named', async () =>
    expect(await look({ caFile: '/nulle/part.pem' })).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('/nulle/part.pem (Trust.Psc) cannot be read'),
      remedy: expect.stringMatching(/\.$/),
    }));

  test('neither the secret nor the token stands in the report, whatever happens', async () => {
    const faults = [undefined, { kind: 'nonsense' }, { kind: 'refuse-client' }, { kind: 'cut' }] as const;
    for (const fault of faults) {
      if (fault !== undefined) await setting.psc.faults.order(fault);
      const done = await report({});
      for (const text of [formatDoctorReport(done), JSON.stringify(done)]) {
        expect(text).not.toContain(exampleClients.source.secret);
        expect(text).not.toContain('drimbox-doctor');
      }
    }
  });
});
