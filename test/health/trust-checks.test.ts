/** Every outcome of the looks at the trust space has its line, its state and its remedy. Facts are invented. */
import { describe, expect, test } from 'vitest';
import { DrimboxError, errorTable, isErrorCode } from '../../plugin/errors.ts';
import {
  type CheckName,
  type CheckResult,
  type DoctorPorts,
  formatDoctorReport,
  type OwnDomain,
  type PscFacts,
  type RevocationListFacts,
  runDoctor,
  type WhitelistFacts,
} from '../../plugin/health/index.ts';
import { wellPsc, wellRevocation, wellTrust, wellWhitelist } from '../fixtures/health/trust-facts.ts';

const now = Date.UTC(2026, 10, 21, 12);
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const resultOf = async (name: CheckName, ports: Partial<DoctorPorts>): Promise<CheckResult> => {
  const { results } = await runDoctor({ clock: () => now, ...ports });
  const result = results.find((one) => one.name === name);
  if (result === undefined) throw new Error(`no check ${name}`);
  return result;
};

describe('the whitelist', () => {
  const look = (changes: Partial<WhitelistFacts>, without: readonly (keyof WhitelistFacts)[] = []) => {
    const facts = Object.fromEntries(
      Object.entries({ ...wellWhitelist(now), ...changes }).filter(([key]) => !without.some((one) => one === key)),
    ) as unknown as WhitelistFacts;
    return resultOf('whitelist', { trust: { ...wellTrust(now), whitelist: () => Promise.resolve(facts) } });
  };
  const inForce = (changes: Partial<WhitelistFacts['inForce'] & object>): Partial<WhitelistFacts> => {
    const well = wellWhitelist(now).inForce;
    if (well === undefined) throw new Error('nothing in force');
    return { inForce: { ...well, ...changes } };
  };

  test('that is well says source, signer, date, number of domains, age of the copy, and our place in it', async () =>
    expect(await look({})).toEqual({
      name: 'whitelist',
      state: 'ok',
      message: 'La liste blanche est à jour, vérifiée, et nous y sommes.',
      details: [
        'Source https://liste.exemple/liste.xml : liste reçue et acceptée',
        'Signée par CN=Liste Blanche EXEMPLE,C=FR, certificat valable jusqu’au 01/03/2027',
        'Générée le 18/11/2026 (il y a 3 jours), 12 domaines',
        'Copie gardée : confirmée par la source il y a 5 h, acceptée le 19/11/2026',
        'db1.exemple.fr : dans la liste',
      ],
    }));

  test.each([
    'trust/whitelist-unreachable',
    'trust/whitelist-signature-invalid',
    'trust/whitelist-unsigned',
    'trust/whitelist-too-old',
    'trust/whitelist-revocation-unknown',
  ] as const)('not renewed (%s): a warning while the copy serves, a failure when nothing does', async (code) => {
    const failure = { code, detail: 'HTTP status 404' };
    const line = `Source https://liste.exemple/liste.xml : ${errorTable[code].publicText} (${code}, HTTP status 404)`;
    const served = await look({ failure });
    expect(served).toMatchObject({ state: 'warning', message: expect.stringContaining('la copie gardée sert') });
    expect(served.details?.[0]).toBe(line);
    const none = await look({ failure, ours: [] }, ['inForce', 'kept']);
    expect(none).toMatchObject({ state: 'failed', message: expect.stringContaining('toutes refusées') });
    expect(none.details).toEqual([line, 'Copie gardée : aucune']);
    expect(none.remedy).toBe(served.remedy);
  });

  test('that its source has not confirmed for long is a warning', async () =>
    expect(await look(inForce({ staleness: 'stale' }))).toMatchObject({
      state: 'warning',
      remedy: expect.stringContaining('Rétablir l’accès'),
    }));

  test('whose signer’s certificate has ended is a warning while it serves', async () =>
    expect(await look(inForce({ signerState: 'grace', signerEndsAtUtcMs: now - dayMs }))).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('expiré'),
      details: expect.arrayContaining([expect.stringContaining('jusqu’au 20/11/2026')]),
    }));

  test('whose copy cannot be believed is a warning, and says why', async () => {
    const keptFailure = { code: 'trust/whitelist-not-kept', detail: 'the kept copy cannot be read' } as const;
    const result = await look({ keptFailure }, ['kept']);
    expect(result).toMatchObject({ state: 'warning', remedy: expect.stringContaining('droits du dossier') });
    expect(result.details).toContainEqual(
      expect.stringContaining('(trust/whitelist-not-kept, the kept copy cannot be read)'),
    );
  });

  test('whose copy is too old to serve says so', async () => {
    const kept = { acceptedAtUtcMs: now - 90 * dayMs, confirmedAtUtcMs: now - 80 * dayMs, isServed: false };
    expect((await look({ kept })).details).toContainEqual(
      'Copie gardée : confirmée par la source il y a 80 jours, acceptée le 23/08/2026, trop ancienne pour servir',
    );
  });

  test.each([
    [['absent'], 'failed', 'db1.exemple.fr : pas dans la liste'],
    [['other-certificate'], 'failed', 'db1.exemple.fr : dans la liste, avec un autre certificat que le nôtre'],
    [['unreadable'], 'failed', 'db1.exemple.fr : son certificat est illisible'],
    [['listed-elsewhere'], 'warning', 'db1.exemple.fr : son certificat est dans la liste, sous un autre nom'],
    [['listed', 'absent'], 'warning', 'db2.exemple.fr : pas dans la liste'],
  ] as const)('that knows us as %j: %s, and tells what to ask of ANS', async (standings, state, line) => {
    const ours = standings.map((standing, at): OwnDomain => ({ name: `db${at + 1}.exemple.fr`, standing }));
    const result = await look({ ours });
    expect(result).toMatchObject({ state, remedy: expect.stringContaining('Demander à l’ANS') });
    expect(result.details).toContain(line);
  });

  test('with several faults: the worst gives the message, each its remedy', async () => {
    const failure = { code: 'trust/whitelist-unreachable', detail: 'ECONNREFUSED' } as const;
    const result = await look({ failure, ours: [{ name: 'db1.exemple.fr', standing: 'absent' }] });
    expect(result).toMatchObject({ state: 'failed', message: expect.stringContaining('Nous ne sommes pas') });
    expect(result.remedy).toMatch(/^Demander à l’ANS.* Vérifier Trust\.Whitelist\.Url/);
  });
});

describe('the lists of revoked certificates', () => {
  const [well] = wellRevocation(now).lists;
  if (well === undefined) throw new Error('no list');
  const look = (...lists: readonly RevocationListFacts[]) =>
    resultOf('revocation-lists', {
      trust: { ...wellTrust(now), revocation: () => Promise.resolve({ graceHours: 24, lists }) },
    });
  const ending = (afterMs: number): RevocationListFacts => ({
    ...well,
    read: { kind: 'good', nextUpdateUtcMs: now + afterMs, revoked: 1 },
  });
  const unreadable = (code: 'trust/revocation-unreachable' | 'trust/revocation-list-refused', keptEnd?: number) => ({
    place: well.place,
    authority: well.authority,
    read: { kind: 'failed', code, detail: 'ECONNREFUSED' } as const,
    ...(keptEnd === undefined ? {} : { keptNextUpdateUtcMs: now + keptEnd }),
  });

  test.each([
    [ending(20 * hourMs), 'ok', 'reçue, signature vérifiée, valable encore 20 h, 1 révoqué'],
    [ending(-hourMs), 'warning', 'finie depuis 1 h, 1 révoqué ; elle sert encore un temps'],
    [ending(-24 * hourMs), 'warning', 'elle sert encore un temps'],
    [ending(-24 * hourMs - 1), 'failed', 'finie depuis 24 h, 1 révoqué ; elle ne sert plus'],
    [
      unreadable('trust/revocation-unreachable'),
      'failed',
      '(trust/revocation-unreachable, ECONNREFUSED) ; aucune copie',
    ],
    [unreadable('trust/revocation-list-refused', 2 * hourMs), 'warning', 'copie gardée valable encore 2 h'],
    [unreadable('trust/revocation-unreachable', -2 * hourMs), 'warning', 'copie gardée finie depuis 2 h'],
    [unreadable('trust/revocation-unreachable', -25 * hourMs), 'failed', 'copie gardée finie depuis 25 h'],
  ] as const)('%#: %o is %s', async (list, state, line) => {
    const result = await look(list);
    expect(result.state).toBe(state);
    expect(result.details).toEqual([expect.stringMatching(/^AC EXEMPLE, http:\/\/crl\.exemple\/ac\.crl : /)]);
    expect(result.details?.[0]).toContain(line);
    expect(result.remedy === undefined).toBe(state === 'ok');
  });

  test('a host that may not be asked is told with the key that lets it', async () => {
    const read = { kind: 'host-not-allowed', code: 'trust/revocation-list-absent', detail: '' } as const;
    expect(await look({ ...well, read })).toMatchObject({
      state: 'failed',
      remedy: expect.stringContaining('Trust.Revocation.AllowedHosts'),
    });
  });

  test('one usable list is enough for its authority, not for another', async () => {
    const lost = unreadable('trust/revocation-unreachable');
    expect((await look(well, { ...lost, place: 'http://autre.exemple/ac.crl' })).state).toBe('warning');
    expect((await look(well, { ...lost, authority: 'AC RACINE EXEMPLE' })).state).toBe('failed');
  });

  test('none known in advance is not looked at, and that is no good news', async () =>
    expect(await look()).toMatchObject({ state: 'skipped', message: expect.stringContaining('connue d’avance') }));
});

describe('Pro Santé Connect', () => {
  const look = (changes: Partial<PscFacts>) =>
    resultOf('psc', { trust: { ...wellTrust(now), psc: () => Promise.resolve({ ...wellPsc, ...changes }) } });
  const unavailable = (code: 'trust/psc-unreachable' | 'trust/psc-refused-us' | 'trust/psc-tls-refused') =>
    ({ kind: 'unavailable', code, detail: 'HTTP 401 invalid_client' }) as const;

  test('that is well says so of its document, its keys and its introspection', async () =>
    expect(await look({})).toEqual({
      name: 'psc',
      state: 'ok',
      message: 'Pro Santé Connect répond et connaît ce logiciel.',
      details: [
        'Émetteur : https://psc.exemple/realms/esante-wallet',
        'Document de découverte : annonce l’émetteur et les adresses configurés',
        'Clés : reçues',
        'Introspection : répond à ce logiciel, et déclare inactif un jeton inventé',
      ],
    }));

  test.each([
    [{ introspection: unavailable('trust/psc-refused-us') }, 'failed', 'Trust.Psc.ClientId', 'HTTP 401 invalid_client'],
    [{ introspection: unavailable('trust/psc-tls-refused') }, 'failed', 'Trust.Psc.CaFile', 'Introspection : '],
    [{ introspection: { kind: 'believes-anything' } }, 'failed', 'IntrospectionUrl', 'déclare actif un jeton inventé'],
    [{ keys: unavailable('trust/psc-unreachable') }, 'failed', 'réseau sortant', 'Clés : Pro Santé Connect ne répond'],
    [{ keys: unavailable('trust/psc-unreachable'), mayLackKeys: true }, 'warning', 'réseau sortant', 'Clés : '],
    [{ discovery: unavailable('trust/psc-unreachable') }, 'warning', 'réseau sortant', 'Document de découverte : '],
    [
      { discovery: { kind: 'other-issuer', issuer: 'https://autre.exemple' } },
      'failed',
      'Trust.Psc.Environment',
      'annonce un autre émetteur : https://autre.exemple',
    ],
    [
      { discovery: { kind: 'other-addresses', addresses: ['KeysUrl'] } },
      'warning',
      'Trust.Psc.Endpoints',
      'annonce d’autres adresses que KeysUrl',
    ],
  ] as const)('%#: %o is %s', async (changes, state, remedy, line) => {
    const result = await look(changes);
    expect(result.state).toBe(state);
    expect(result.remedy).toContain(remedy);
    expect(result.details?.join('\n')).toContain(line);
  });

  test('an issuer of a stranger is cut and cannot write on the terminal', async () => {
    const issuer = `\u001b[2J${'x'.repeat(10_000)}`;
    const trust = {
      ...wellTrust(now),
      psc: () => Promise.resolve<PscFacts>({ ...wellPsc, discovery: { kind: 'other-issuer', issuer } }),
    };
    const text = formatDoctorReport(await runDoctor({ clock: () => now, trust }));
    expect(text).not.toContain('\u001b');
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(600);
  });

  test.each([
    [0, undefined, 'ok', 'celle de Pro Santé Connect.'],
    [40_000, undefined, 'warning', 'avance de 40 s sur celle de Pro Santé Connect'],
    [-400_000, 10_000, 'failed', 'retarde de 6 min sur celle de Pro Santé Connect'],
    [1_000, -50_000, 'warning', 'retarde de 50 s sur celle du DMP'],
    [1_000, 900, 'ok', 'celle du DMP et de Pro Santé Connect.'],
  ])('its clock is compared too (G4): PSC %i ms, DMP %s ms: %s', async (psc, dmp, state, text) => {
    const result = await resultOf('clock-skew', {
      trust: { ...wellTrust(now), psc: () => Promise.resolve({ ...wellPsc, clockDifferenceMs: psc }) },
      ...(dmp === undefined
        ? {}
        : {
            dmp: {
              checkReachable: () =>
                Promise.resolve([{ structureId: '1990000001', httpStatus: 200, clockDifferenceMs: dmp }]),
            },
          }),
    });
    expect(result.state).toBe(state);
    expect(result.message).toContain(text);
  });

  test('is asked once for both checks', async () => {
    let calls = 0;
    const trust = { ...wellTrust(now), psc: () => Promise.resolve(((calls += 1), wellPsc)) };
    await runDoctor({ clock: () => now, trust });
    expect(calls).toBe(1);
  });
});

describe('a site that gives no images', () => {
  const names = ['whitelist', 'revocation-lists', 'psc'] as const;

  test.each(names)('is told that nothing is configured, and nothing fails: %s', async (name) =>
    expect(await resultOf(name, { trust: 'not-configured' })).toMatchObject({
      state: 'skipped',
      message: expect.stringContaining('Non configuré (DrimBox.Trust)'),
    }),
  );

  test.each(names)('authorities that cannot be read are told with their remedy: %s', async (name) => {
    const fail = () => Promise.reject(new DrimboxError('trust/ca-missing', { detail: '/etc/ca.pem cannot be read' }));
    expect(await resultOf(name, { trust: { whitelist: fail, revocation: fail, psc: fail } })).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('(trust/ca-missing, /etc/ca.pem cannot be read)'),
      remedy: expect.stringContaining('Trust.Peers.CaFiles'),
    });
  });

  test.each(names)('a foreign error says nothing of itself: %s', async (name) => {
    const fail = () => Promise.reject(new Error('EXEMPLE Jeanne'));
    const result = await resultOf(name, { trust: { whitelist: fail, revocation: fail, psc: fail } });
    expect(result).toMatchObject({ state: 'failed', remedy: expect.stringMatching(/\.$/) });
    expect(JSON.stringify(result)).not.toContain('Jeanne');
  });

  test('a failure without a remedy of its own still says what to do: each code may come', async () => {
    for (const code of Object.keys(errorTable).filter(isErrorCode)) {
      const fail = () => Promise.reject(new DrimboxError(code));
      expect((await resultOf('psc', { trust: { ...wellTrust(now), psc: fail } })).remedy ?? '', code).not.toBe('');
    }
  });
});
