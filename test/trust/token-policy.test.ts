/** Professions, software per peer, binding to the certificate of the peer: over the stand-in, at each request. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { thumbprintOf, type TokenVerdict, type TokenVerifier } from '../../plugin/trust/index.ts';
import { openPscSetting, type PscSetting } from '../fixtures/trust/psc-setting.ts';
import { exampleClients, personas } from '../peers/psc/index.ts';

let setting: PscSetting;
let peer: X509Certificate;
let otherPeer: X509Certificate;
const certificateOf = (structure: string): X509Certificate =>
  new X509Certificate(readFileSync(setting.ca.structures[structure]?.authCli.certificateFile ?? ''));
const verify = (
  verifier: TokenVerifier,
  token: string,
  sender: { peerCertificate?: X509Certificate; peerKey?: string } = {},
): Promise<TokenVerdict> => verifier.verify({ authorization: `Bearer ${token}`, ...sender });

beforeAll(async () => {
  setting = await openPscSetting();
  peer = certificateOf('1990000001');
  otherPeer = certificateOf('1990000002');
});
afterEach(() => setting.psc.faults.clear());
afterAll(() => setting.stop());

const refused = (code: string) => ({ kind: 'refused', code, binding: 'absent' });
const userinfoRequests = (): number => setting.psc.log.filter(({ endpoint }) => endpoint === 'userinfo').length;

describe('professions (E4)', () => {
  test('all are accepted and userinfo is not asked where no list is configured', async () => {
    const before = userinfoRequests();
    expect(await verify(setting.verifier(), await setting.psc.mintToken(personas.withoutRole))).toMatchObject({
      kind: 'accepted',
    });
    expect(userinfoRequests()).toBe(before);
  });

  test('a listed one is accepted and goes to the audit; userinfo is asked once per token', async () => {
    const verifier = setting.verifier({ professions: ['10', '21^1.2.250.1.213.1.1.5.5'] });
    const before = userinfoRequests();
    for (const persona of [personas.doctor, personas.pharmacist]) {
      const token = await setting.psc.mintToken(persona);
      const wanted = { kind: 'accepted', professional: { professionCode: persona.role } };
      expect(await verify(verifier, token)).toMatchObject(wanted);
      expect(await verify(verifier, token)).toMatchObject(wanted);
    }
    expect(userinfoRequests()).toBe(before + 2);
  });

  test.each([
    ['another one', personas.pharmacist, ['10']],
    ['the same code of another table', personas.doctor, ['10^1.2.250.1.213.9.9']],
    ['an unknown one', personas.withoutRole, ['10']],
  ])('%s is refused', async (_, persona, professions) => {
    const verifier = setting.verifier({ professions });
    const token = await setting.psc.mintToken(persona);
    expect(await verify(verifier, token)).toEqual(refused('trust/token-profession-refused'));
  });

  test.each([
    [{ kind: 'error', status: 500 }, 'unavailable', 'trust/psc-unreachable'],
    [{ kind: 'other-subject' }, 'unavailable', 'trust/psc-answer-invalid'],
    [{ kind: 'nonsense' }, 'unavailable', 'trust/psc-answer-invalid'],
    [{ kind: 'error', status: 403 }, 'refused', 'trust/token-profession-refused'],
    [{ kind: 'refuse-client' }, 'refused', 'trust/token-profession-refused'],
  ] as const)('userinfo that answers %j gives no profession: %s', async (fault, kind, code) => {
    const verifier = setting.verifier({ professions: ['10'] });
    const token = await setting.psc.mintToken(personas.doctor);
    await setting.psc.faults.order({ ...fault, endpoints: ['userinfo'] });
    expect(await verify(verifier, token)).toMatchObject({ kind, code });
  });
});

describe('software per peer (E4)', () => {
  const clientsByPeer = [{ peer: 'DRIMBOX-A', clients: [exampleClients.consumer.clientId] }];

  test('a peer sends only tokens of its own software, also when the token is remembered', async () => {
    const verifier = setting.verifier({ clientsByPeer });
    const { clientId } = exampleClients.source;
    const own = await setting.psc.mintToken(personas.doctor);
    const foreign = await setting.psc.mintToken(personas.doctor, { clientId });
    expect(await verify(verifier, foreign, { peerKey: 'DRIMBOX-B' })).toMatchObject({ kind: 'accepted' });
    expect(await verify(verifier, foreign, { peerKey: 'DRIMBOX-A' })).toEqual(refused('trust/token-client-refused'));
    expect(await verify(verifier, own, { peerKey: 'DRIMBOX-A' })).toMatchObject({ kind: 'accepted' });
  });

  test('a sender without a name is refused where names count', async () => {
    const token = await setting.psc.mintToken(personas.doctor);
    expect(await verify(setting.verifier({ clientsByPeer }), token)).toEqual(refused('trust/token-client-refused'));
  });
});

describe('binding of a token to the certificate of its sender (RFC 8705)', () => {
  const enforce = { policy: 'enforce' } as const;
  const boundTo = (certificate: X509Certificate): Promise<string> => {
    const thumbprint = Buffer.from(thumbprintOf(certificate)).toString('base64url');
    return setting.psc.mintToken(personas.doctor, { claims: { cnf: { 'x5t#S256': thumbprint } } });
  };

  test('log: says what it sees and refuses nothing, a PSC token names the proxy of the consumer', async () => {
    const verifier = setting.verifier();
    const token = await boundTo(peer);
    expect(await verify(verifier, token, { peerCertificate: peer })).toMatchObject({
      kind: 'accepted',
      binding: 'match',
    });
    expect(await verify(verifier, token, { peerCertificate: otherPeer })).toMatchObject({
      kind: 'accepted',
      binding: 'mismatch',
    });
    expect(await verify(verifier, token)).toMatchObject({ kind: 'accepted', binding: 'mismatch' });
  });

  test('off: does not look', async () => {
    const verdict = await verify(setting.verifier({ binding: { policy: 'off' } }), await boundTo(otherPeer), {
      peerCertificate: peer,
    });
    expect(verdict).toMatchObject({ kind: 'accepted' });
    expect(verdict).not.toHaveProperty('binding');
  });

  test('enforce: another certificate is refused, also when the token is remembered from its owner', async () => {
    const verifier = setting.verifier({ binding: enforce });
    const token = await boundTo(peer);
    expect(await verify(verifier, token, { peerCertificate: peer })).toMatchObject({ kind: 'accepted' });
    const refusal = { kind: 'refused', code: 'trust/token-binding-refused', binding: 'mismatch' };
    expect(await verify(verifier, token, { peerCertificate: otherPeer })).toEqual(refusal);
    expect(await verify(verifier, token)).toEqual(refusal);
  });

  test('enforce: a proof that we cannot check is no proof', async () => {
    const token = await setting.psc.mintToken(personas.doctor, { claims: { cnf: { jkt: 'exemple' } } });
    expect(await verify(setting.verifier({ binding: enforce }), token, { peerCertificate: peer })).toMatchObject({
      kind: 'refused',
      code: 'trust/token-binding-refused',
    });
  });

  test('enforce: a token without cnf passes or not, as configured', async () => {
    const token = await setting.psc.mintToken(personas.doctor);
    const sender = { peerCertificate: peer };
    expect(await verify(setting.verifier({ binding: enforce }), token, sender)).toMatchObject({ kind: 'accepted' });
    const strict = setting.verifier({ binding: { ...enforce, whenAbsent: 'refuse' } });
    expect(await verify(strict, token, sender)).toEqual(refused('trust/token-binding-refused'));
  });
});
