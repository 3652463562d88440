/** The doctor signs in with an invented code at stand-ins of Pro Santé Connect and FranceConnect+, over real TLS. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, fetch } from 'undici';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { lookAtFranceConnect, lookAtProSanteConnect } from '../../plugin/health/sign-in-look.ts';
import { signInOptions } from '../../plugin/sign-in/index.ts';
import { startViewerListenerStandIn, type ViewerListenerStandIn } from '../fixtures/health/viewer-listener.ts';
import {
  civilClients,
  type FranceConnectInput,
  type FranceConnectSetting,
  openFranceConnectSetting,
} from '../fixtures/sign-in/france-connect-setting.ts';
import {
  mutualClient,
  openPscSignInSetting,
  type PscSignInInput,
  type PscSignInSetting,
  viewerClient,
} from '../fixtures/sign-in/psc-sign-in-setting.ts';

let psc: PscSignInSetting;
let franceConnect: FranceConnectSetting;
let listener: ViewerListenerStandIn;
beforeAll(async () => {
  [psc, franceConnect] = await Promise.all([openPscSignInSetting(), openFranceConnectSetting()]);
  listener = await startViewerListenerStandIn({ 'vi1.exemple': psc.ca.server, 'vi2.exemple': psc.ca.server });
}, 60_000);
afterAll(() => Promise.all([psc.stop(), franceConnect.stop(), listener.stop()]));
afterEach(async () => {
  await psc.psc.faults.clear();
  await franceConnect.standIn.faults.clear();
});

const setting = () => ({
  viewer: listener.options,
  signIn: signInOptions.parse({}),
  environment: 'test' as const,
  staticFolder: '/nulle/part',
});
const ports = (timeoutMs = 5_000) => ({
  clock: Date.now,
  randomBytes: (size: number) => Buffer.alloc(size, 7),
  timeoutMs,
});
const lookAtPsc = (input?: PscSignInInput, timeoutMs?: number) =>
  lookAtProSanteConnect(psc.options(input), setting(), ports(timeoutMs));
const lookAtFc = (input?: FranceConnectInput) => lookAtFranceConnect(franceConnect.options(input), setting(), ports());

const write = (folder: string, text: string): string => {
  const file = join(folder, 'another');
  writeFileSync(file, text);
  return file;
};
/** The document as it is, to be changed. */
const documentAt = async (url: string, caFile: string): Promise<Record<string, unknown>> => {
  const agent = new Agent({ connect: { ca: readFileSync(caFile) } });
  const document = (await (await fetch(url, { dispatcher: agent })).json()) as Record<string, unknown>;
  await agent.destroy();
  return document;
};
const unavailable = (code: string) => ({ kind: 'unavailable', code: `sign-in/${code}` });

describe('Pro Santé Connect, looked at for the viewer', () => {
  test('is well: it is who it should be, lacks nothing, gives its keys, knows us; nobody is signed in', async () => {
    const asked = psc.psc.log.length;
    const facts = await lookAtPsc();
    expect(facts).toEqual({
      issuer: psc.psc.issuer,
      discovery: { kind: 'good' },
      shortcomings: [],
      keys: { kind: 'good' },
      clients: [{ hosts: ['vi1.exemple', 'vi2.exemple'], exchange: { kind: 'good' } }],
      clockDifferenceMs: expect.any(Number),
    });
    expect(Math.abs(facts.clockDifferenceMs ?? Infinity)).toBeLessThan(5_000);
    const questions = psc.psc.log.slice(asked).map(({ endpoint, status }) => `${endpoint} ${status}`);
    expect(questions.toSorted()).toEqual(['discovery 200', 'discovery 200', 'keys 200', 'token 400']);
  });

  test('is well with a client certificate', async () => {
    const { authCli } = psc.ca.structures['1990000001'] ?? { authCli: psc.ca.server };
    const facts = await lookAtPsc({ clientId: mutualClient.clientId, ...authCli });
    expect(facts).toMatchObject({ shortcomings: [], clients: [{ exchange: { kind: 'good' } }] });
  });

  test.each<[string, () => PscSignInInput]>([
    ['a wrong secret', () => ({ clientSecretFile: write(psc.folder, 'secret-perime-0123456789') })],
    ['an unknown client', () => ({ clientId: 'inconnu-exemple' })],
  ])('%s: it refuses us, and only that', async (_, input) => {
    const facts = await lookAtPsc(input());
    expect(facts).toMatchObject({ discovery: { kind: 'good' }, keys: { kind: 'good' } });
    expect(facts.clients[0]?.exchange).toMatchObject(unavailable('provider-refused-us'));
  });

  test('nobody listens', async () => {
    await psc.psc.faults.order({ kind: 'down' });
    const facts = await lookAtPsc();
    for (const one of [facts.discovery, facts.keys, facts.clients[0]?.exchange]) {
      expect(one).toMatchObject(unavailable('provider-unreachable'));
    }
    expect(facts).not.toHaveProperty('clockDifferenceMs');
  });

  test('a server of another authority is not believed', async () =>
    expect((await lookAtPsc({ caFile: psc.ca.negative.rogueAuthCli.certificateFile })).discovery).toMatchObject(
      unavailable('provider-tls-refused'),
    ));

  test('that answers too late is not waited for longer than the doctor has patience', async () => {
    await psc.psc.faults.order({ kind: 'slow', delayMs: 60_000 });
    const facts = await lookAtPsc({ timeoutMs: 60_000, connectTimeoutMs: 60_000 }, 300);
    expect(facts.discovery).toMatchObject(unavailable('provider-timeout'));
  });

  test('that calls itself something else is told by its name; nothing of it is used', async () => {
    const document = await documentAt(psc.psc.endpoints.discoveryUrl, psc.ca.chainFile);
    const issuer = 'https://autre.exemple/realms/esante-wallet';
    await psc.psc.faults.order({ kind: 'nonsense-json', endpoints: ['discovery'], body: { ...document, issuer } });
    const facts = await lookAtPsc();
    expect(facts.discovery).toEqual({ kind: 'other-issuer', issuer });
    expect(facts.clients[0]?.exchange).toMatchObject(unavailable('provider-answer-invalid'));
  });

  test.each([{ kind: 'nonsense' }, { kind: 'nonsense-json', body: { issuer: 7 } }] as const)(
    'a document that is none (%o)',
    async (fault) => {
      await psc.psc.faults.order({ ...fault, endpoints: ['discovery'] });
      expect((await lookAtPsc()).discovery).toMatchObject(unavailable('provider-answer-invalid'));
    },
  );

  test('that has lost its keys', async () => {
    await psc.psc.faults.order({ kind: 'error', status: 503, endpoints: ['keys'] });
    expect(await lookAtPsc()).toMatchObject({
      discovery: { kind: 'good' },
      keys: unavailable('provider-unreachable'),
      clients: [{ exchange: { kind: 'good' } }],
    });
  });

  test('what it announces without what we need is named; what it leaves out says nothing', async () => {
    const { scopes_supported: _, ...document } = await documentAt(psc.psc.endpoints.discoveryUrl, psc.ca.chainFile);
    const body = {
      ...document,
      id_token_signing_alg_values_supported: ['HS256'],
      code_challenge_methods_supported: ['plain'],
      token_endpoint_auth_methods_supported: ['private_key_jwt'],
      acr_values_supported: ['0', '0'],
      backchannel_logout_supported: false,
    };
    await psc.psc.faults.order({ kind: 'nonsense-json', endpoints: ['discovery'], body });
    expect((await lookAtPsc()).shortcomings).toEqual([
      { member: 'code_challenge_methods_supported', wanted: ['S256'], isVital: true },
      { member: 'token_endpoint_auth_methods_supported', wanted: ['client_secret_basic'], isVital: true },
      { member: 'id_token_signing_alg_values_supported', wanted: ['RS256', 'PS256', 'ES256'], isVital: true },
      { member: 'backchannel_logout_supported', wanted: ['true'], isVital: false },
    ]);
  });

  test('a scope that it does not have', async () =>
    expect((await lookAtPsc({ scope: 'openid scope_all autre' })).shortcomings).toEqual([
      { member: 'scopes_supported', wanted: ['autre'], isVital: false },
    ]));

  test('a file of the section that cannot be read is named (config/unreadable)', async () => {
    await expect(lookAtPsc({ caFile: '/nulle/part.pem' })).rejects.toMatchObject({
      code: 'config/unreadable',
      detail: '/nulle/part.pem (SignIn.ProSanteConnect) cannot be read',
    });
  });

  test('neither secret nor code stands in what is found', async () => {
    for (const kind of [undefined, 'nonsense', 'refuse-client', 'cut'] as const) {
      if (kind !== undefined) await psc.psc.faults.order({ kind });
      const text = JSON.stringify(await lookAtPsc());
      expect(text).not.toContain(viewerClient.secret);
      expect(text).not.toContain('drimbox-doctor');
    }
  });
});

describe('FranceConnect+, looked at for the viewer', () => {
  const ours = async () => {
    const service = await franceConnect.open();
    return service.jwks();
  };

  test('is well: each client is known, our keys are published at each name, every trait is asked for', async () => {
    listener.says.keys = await ours();
    const [ec, rsa] = (await ours()).keys;
    const facts = await lookAtFc();
    expect(facts).toEqual({
      issuer: franceConnect.standIn.issuer,
      discovery: { kind: 'good' },
      shortcomings: [],
      keys: { kind: 'good' },
      clients: [
        { hosts: ['vi1.exemple'], exchange: { kind: 'good' } },
        { hosts: ['vi2.exemple', 'vi2-ancien.exemple'], exchange: { kind: 'good' } },
      ],
      clockDifferenceMs: expect.any(Number),
      lackingTraits: [],
      ourKeys: [
        { algorithm: 'ECDH-ES', kid: ec?.kid },
        { algorithm: 'RSA-OAEP-256', kid: rsa?.kid },
      ],
      // The third host has no certificate: the configuration says so.
      keysAt: ['vi1.exemple', 'vi2.exemple'].map((host) => ({ host, published: { kind: 'ours' } })),
    });
  });

  test('of two clients, the one that it refuses is told', async () => {
    const clients = [
      {
        hosts: ['vi1.exemple'],
        clientId: civilClients.first.clientId,
        clientSecretFile: write(franceConnect.folder, 'secret-perime-0123456789abcdef'),
      },
      {
        hosts: ['vi2.exemple'],
        clientId: civilClients.second.clientId,
        clientSecretFile: join(franceConnect.folder, 'second'),
      },
    ];
    expect((await lookAtFc({ clients })).clients).toEqual([
      { hosts: ['vi1.exemple'], exchange: expect.objectContaining(unavailable('provider-refused-us')) },
      { hosts: ['vi2.exemple'], exchange: { kind: 'good' } },
    ]);
  });

  test('our keys as others would read them: other ones, private ones, none', async () => {
    const published = async () => (await lookAtFc()).keysAt.map((one) => one.published);
    const keys = (await ours()).keys;
    listener.says.keys = { keys: keys.slice(0, 1) };
    expect(await published()).toEqual([{ kind: 'others' }, { kind: 'others' }]);
    listener.says.keys = { keys: [{ ...keys[0], d: 'exemple' }, keys[1]] };
    expect(await published()).toEqual([{ kind: 'private' }, { kind: 'private' }]);
    listener.says.keys = ['exemple'];
    expect(await published()).toEqual([
      { kind: 'silent', detail: 'not a key set' },
      { kind: 'silent', detail: 'not a key set' },
    ]);
  });

  test('traits that are not asked for are named (E7)', async () =>
    expect((await lookAtFc({ scope: 'openid identite_pivot' })).lackingTraits).toEqual(['first given name']));

  test('what it announces without what we need is named', async () => {
    const document = await documentAt(franceConnect.standIn.discoveryUrl, franceConnect.ca.chainFile);
    const body = {
      ...document,
      acr_values_supported: ['eidas1'],
      id_token_encryption_alg_values_supported: ['RSA-OAEP'],
      userinfo_encryption_enc_values_supported: ['A128GCM'],
      scopes_supported: ['openid', 'identite_pivot'],
      claims_parameter_supported: false,
    };
    await franceConnect.standIn.faults.order({ kind: 'nonsense-json', endpoints: ['discovery'], body });
    const claims = '{"id_token":{"amr":{"essential":true}}}';
    expect((await lookAtFc({ claims })).shortcomings).toEqual([
      { member: 'acr_values_supported', wanted: ['eidas2'], isVital: true },
      {
        member: 'id_token_encryption_alg_values_supported',
        wanted: ['ECDH-ES', 'RSA-OAEP-256'],
        isVital: true,
      },
      { member: 'userinfo_encryption_enc_values_supported', wanted: ['A256GCM'], isVital: true },
      { member: 'scopes_supported', wanted: ['rnipp_identite_pivot'], isVital: false },
      { member: 'claims_parameter_supported', wanted: ['true'], isVital: false },
    ]);
  });

  test('a key that is none is named (config/invalid), without its content', async () => {
    const file = write(franceConnect.folder, 'secret EXEMPLE');
    await expect(lookAtFc({ encryptionKeyFiles: [file] })).rejects.toMatchObject({
      code: 'config/invalid',
      detail: `${file} (SignIn) is no private key in PEM without passphrase`,
    });
  });
});
