/** Options of Pro Santé Connect; addresses of the presets are those of facts/identity.md 1.1, clients are invented. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPscEndpoints, createTokenVerifier, pscOptions } from '../../plugin/trust/index.ts';
import { openPscSetting, type PscSetting } from '../fixtures/trust/psc-setting.ts';
import { exampleClients, personas } from '../peers/psc/index.ts';

const secret = { clientId: 'client-exemple', clientSecretFile: '/etc/exemple/secret' };
const certificate = { clientId: 'client-exemple', certificateFile: '/c.crt', keyFile: '/c.key' };
const faultsOf = (input: object): string =>
  (pscOptions.safeParse(input).error?.issues ?? [])
    .map(({ path, message }) => `${path.join('.')}: ${message}`)
    .join('\n');

describe('options', () => {
  test('name the environment; none is the default', () => {
    expect(faultsOf(secret)).toContain('environment');
    expect(buildPscEndpoints(pscOptions.parse({ environment: 'bas', ...secret }))).toEqual({
      issuer: 'https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet',
      introspectionUrl:
        'https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet/protocol/openid-connect/token/introspect',
      userinfoUrl: 'https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet/protocol/openid-connect/userinfo',
      keysUrl: 'https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet/protocol/openid-connect/certs',
    });
    const production = buildPscEndpoints(pscOptions.parse({ environment: 'production', ...certificate }));
    expect(production.issuer).toBe('https://auth.esw.esante.gouv.fr/auth/realms/esante-wallet');
  });

  test('are strict by default: signature, JWT only, binding logged, 30 s of memory', () => {
    expect(pscOptions.parse({ environment: 'bas', ...secret })).toMatchObject({
      allowOpaqueTokens: false,
      allowInsecureMissingKeys: false,
      binding: { policy: 'log', whenAbsent: 'accept' },
      ...{ cacheMs: 30_000, refusalCacheMs: 2_000, clockToleranceMs: 30_000, maxTokenBytes: 16_384, clientsByPeer: [] },
    });
  });

  test.each([
    ['no way to be known', { environment: 'bas', clientId: 'x' }, 'either a secret or a certificate'],
    ['two ways', { environment: 'bas', ...secret, ...certificate }, 'either a secret or a certificate'],
    ['a certificate without its key', { environment: 'bas', clientId: 'x', certificateFile: '/c' }, 'go together'],
    [
      'another issuer than PSC',
      { environment: 'bas', ...secret, endpoints: { issuer: 'https://x.fr' } },
      'only `custom`',
    ],
    ['custom without addresses', { environment: 'custom', ...secret }, 'all four addresses'],
    ['http', { environment: 'bas', ...secret, endpoints: { keysUrl: 'http://x.fr' } }, 'endpoints.keysUrl'],
    ['an unknown key', { environment: 'bas', ...secret, skipChecks: true }, 'skipChecks'],
    ['HS256', { environment: 'bas', ...secret, algorithms: ['HS256'] }, 'algorithms'],
    ['a memory beyond 30 s', { environment: 'bas', ...secret, cacheMs: 60_000 }, 'cacheMs'],
    ['an empty list of professions', { environment: 'bas', ...secret, professions: [] }, 'professions'],
    [
      'a peer twice',
      {
        environment: 'bas',
        ...secret,
        clientsByPeer: [
          { peer: 'A', clients: ['x'] },
          { peer: 'A', clients: ['y'] },
        ],
      },
      'named twice',
    ],
  ])('%s is a fault', (_, input, message) => {
    expect(faultsOf(input)).toContain(message);
  });
});

describe('files of the options', () => {
  let setting: PscSetting;
  let folder: string;
  beforeAll(async () => {
    setting = await openPscSetting();
    folder = mkdtempSync(join(tmpdir(), 'drimbox-psc-options-'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await setting.stop();
  });

  test('that cannot be read stop the start: config/unreadable, config/invalid', () => {
    const open = (file: string) => () =>
      createTokenVerifier(pscOptions.parse({ environment: 'bas', clientId: 'x', clientSecretFile: file }), {
        clock: () => 0,
      });
    expect(open(join(folder, 'absent'))).toThrow(expect.objectContaining({ code: 'config/unreadable' }));
    writeFileSync(join(folder, 'empty'), ' \n');
    expect(open(join(folder, 'empty'))).toThrow(expect.objectContaining({ code: 'config/invalid' }));
  });

  test('are followed every minute: a broken file is told once, the old ones serve on', async () => {
    const clientSecretFile = join(folder, 'followed');
    writeFileSync(clientSecretFile, exampleClients.source.secret);
    const told: string[] = [];
    let look = (): void => undefined;
    const verifier = createTokenVerifier(setting.options({ clientSecretFile }), {
      clock: () => 0,
      alerts: { raise: (code) => told.push(`raise ${code}`), clear: (code) => told.push(`clear ${code}`) },
      every: (intervalMs, work) => {
        expect(intervalMs).toBe(60_000);
        look = work;
        return () => told.push('stopped');
      },
    });
    look();
    writeFileSync(clientSecretFile, '');
    look();
    look();
    expect(await verifier.probe()).toMatchObject({ kind: 'answering' });
    writeFileSync(clientSecretFile, exampleClients.source.secret);
    look();
    look();
    await verifier.close();
    expect(told.filter((text) => !text.includes('trust/psc-'))).toEqual([
      ...['clear config/unreadable', 'clear config/invalid'],
      ...['clear config/unreadable', 'raise config/invalid'],
      ...['clear config/unreadable', 'clear config/invalid'],
      'stopped',
    ]);
  });

  test('are read again on demand; a broken new one leaves the old one', async () => {
    const clientSecretFile = join(folder, 'secret');
    writeFileSync(clientSecretFile, 'faux-exemple');
    const verifier = setting.verifier({ clientSecretFile, cacheMs: 0 });
    const authorization = `Bearer ${await setting.psc.mintToken(personas.doctor)}`;
    expect(await verifier.verify({ authorization })).toMatchObject({ code: 'trust/psc-refused-us' });
    writeFileSync(clientSecretFile, exampleClients.source.secret);
    verifier.reload();
    expect(await verifier.verify({ authorization })).toMatchObject({ kind: 'accepted' });
    writeFileSync(clientSecretFile, '');
    expect(() => verifier.reload()).toThrow(expect.objectContaining({ code: 'config/invalid' }));
    expect(await verifier.verify({ authorization })).toMatchObject({ kind: 'accepted' });
  });
});
