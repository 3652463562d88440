/** Every outcome of the looks at the viewer has its line, its state and its remedy. Facts are invented. */
import { describe, expect, test } from 'vitest';
import {
  type CheckName,
  type CheckResult,
  type FranceConnectFacts,
  runDoctor,
  type SignInFacts,
  type ViewerFilesFacts,
  type ViewerLooks,
  type ViewerNamesFacts,
} from '../../plugin/health/index.ts';
import { wellFranceConnect, wellNames, wellSignIn, wellViewer } from '../fixtures/health/viewer-facts.ts';

const now = Date.UTC(2026, 10, 21, 12);
const dayMs = 86_400_000;

const resultOf = async (name: CheckName, viewer: ViewerLooks | 'not-configured'): Promise<CheckResult> => {
  const { results } = await runDoctor({ clock: () => now, viewer });
  const result = results.find((one) => one.name === name);
  if (result === undefined) throw new Error(`no check ${name}`);
  return result;
};

test('a site without a viewer has nothing to look at there', async () => {
  for (const name of ['viewer-files', 'viewer-names', 'sign-in-psc', 'sign-in-franceconnect'] as const) {
    expect(await resultOf(name, 'not-configured')).toMatchObject({
      state: 'skipped',
      message: expect.stringContaining('DrimBox.Viewer'),
    });
  }
});

describe('the files of the viewer', () => {
  const look = (facts: ViewerFilesFacts) =>
    resultOf('viewer-files', { ...wellViewer(now), files: () => Promise.resolve(facts) });
  const folder = '/opt/drimbox/viewer/dist';

  test('that are whole', async () =>
    expect(await look({ folder, kind: 'complete', files: 300, bytes: 31_400_000 })).toMatchObject({
      state: 'ok',
      message: 'La visionneuse est complète (300 fichiers, 31 Mo).',
    }));

  test('that are not there', async () =>
    expect(
      await look({ folder, kind: 'absent', code: 'viewer-access/files-missing', detail: `${folder}/served.json` }),
    ).toMatchObject({ state: 'failed', remedy: expect.stringContaining('Viewer.StaticFolder') }));

  test('of which some are missing or cut: a few are named', async () => {
    const missing = Array.from({ length: 7 }, (_, at) => `ohif/${at}.js`);
    const result = await look({ folder, kind: 'incomplete', missing, changed: ['examen.html'] });
    expect(result).toMatchObject({ state: 'failed', remedy: expect.stringContaining('Recopier') });
    expect(result.details).toEqual([
      `Dossier : ${folder}`,
      ...missing.slice(0, 5).map((path) => `${path} : absent`),
      '… et 2 autres',
      'examen.html : d’une autre taille',
    ]);
  });
});

describe('the names of the viewer', () => {
  type Name = ViewerNamesFacts['names'][number];
  const look = (changes: Partial<Name>, more: Partial<ViewerNamesFacts> = {}) => {
    const [first] = wellNames(now).names;
    if (first === undefined) throw new Error('no name');
    const facts = { ...wellNames(now), names: [{ ...first, ...changes }], ...more };
    return resultOf('viewer-names', { ...wellViewer(now), names: () => Promise.resolve(facts) });
  };
  const certificate = (fromDays: number, toDays: number): Partial<Name> => ({
    certificate: { kind: 'good', notBeforeUtcMs: now + fromDays * dayMs, notAfterUtcMs: now + toDays * dayMs },
  });
  const answering = { kind: 'answering', isUp: true, showsOurs: true } as const;

  test('that are well', async () =>
    expect(await look({})).toMatchObject({
      state: 'ok',
      message: 'La visionneuse répond à 1 nom.',
      details: ['vi1.exemple.fr : certificat valable jusqu’au 20/01/2027, répond'],
    }));

  test.each<[string, Partial<Name>, string, string]>([
    ['a certificate that has ended', certificate(-90, -1), 'failed', 'certificat expiré depuis le 20/11/2026'],
    ['a certificate of tomorrow', certificate(1, 90), 'failed', 'pas encore valable (à partir du 22/11/2026)'],
    ['90 days, 7 left', certificate(-83, 7), 'warning', 'certificat qui expire dans 7 jours (28/11/2026)'],
    ['398 days, 60 left', certificate(-338, 60), 'warning', 'certificat qui expire dans 60 jours'],
    [
      'a certificate of another name',
      {
        certificate: {
          ...{ kind: 'unusable', code: 'trust/server-certificate-invalid' },
          detail: '/etc/a.pem is not a certificate for vi1.exemple.fr',
        },
      },
      'failed',
      'is not a certificate for vi1.exemple.fr',
    ],
    [
      'nobody who answers',
      { answer: { kind: 'silent', detail: 'ECONNREFUSED' } },
      'failed',
      'répond pas (ECONNREFUSED)',
    ],
    ['a service that says it is down', { answer: { ...answering, isUp: false } }, 'warning', 'se dit hors service'],
    [
      'the former certificate, still shown',
      { answer: { ...answering, showsOurs: false } },
      'warning',
      'montre un autre certificat',
    ],
    [
      'an authority that browsers do not know',
      { answer: { ...answering, untrusted: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } },
      'warning',
      'chaîne inconnue de cette machine (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    ],
  ])('with %s', async (_, changes, state, line) => {
    const result = await look(changes);
    expect(result).toMatchObject({ state, remedy: expect.stringMatching(/\.$/) });
    expect(result.details?.[0]).toContain(line);
  });

  test('an authority of our own is no fault in test', async () =>
    expect(
      await look({ answer: { ...answering, untrusted: 'SELF_SIGNED_CERT_IN_CHAIN' } }, { mustBePublic: false }),
    ).toMatchObject({ state: 'ok' }));
});

const unavailable = (code: 'provider-timeout' | 'provider-refused-us' | 'provider-answer-invalid') =>
  ({ kind: 'unavailable', code: `sign-in/${code}`, detail: 'HTTP 401' }) as const;
const hosts = ['vi1.exemple.fr'];

describe.each([
  ['sign-in-psc', 'Pro Santé Connect', 'SignIn.ProSanteConnect'],
  ['sign-in-franceconnect', 'FranceConnect+', 'SignIn.FranceConnect'],
] as const)('%s', (name, service, section) => {
  const look = (changes: Partial<SignInFacts>) =>
    resultOf(name, {
      ...wellViewer(now),
      proSanteConnect: () => Promise.resolve({ ...wellSignIn, ...changes }),
      franceConnect: () => Promise.resolve({ ...wellFranceConnect, ...changes }),
    });

  test('that is well', async () => expect(await look({})).toMatchObject({ state: 'ok' }));

  test.each<[string, Partial<SignInFacts>, string, RegExp]>([
    ['does not answer', { discovery: unavailable('provider-timeout') }, 'failed', /ne répond pas/],
    ['is another', { discovery: { kind: 'other-issuer', issuer: 'https://x' } }, 'failed', /autre émetteur/],
    ['gives no keys', { keys: unavailable('provider-answer-invalid') }, 'failed', /clés de/],
    [
      'does not know us',
      { clients: [{ hosts, exchange: unavailable('provider-refused-us') }] },
      'failed',
      /reconnaît pas/,
    ],
    ['is silent', { clients: [{ hosts, exchange: unavailable('provider-timeout') }] }, 'failed', /ne répond pas comme/],
    [
      'takes any code',
      { clients: [{ hosts, exchange: { kind: 'believes-anything' } }] },
      'failed',
      /accepte un code inventé/,
    ],
    [
      'lacks an algorithm',
      { shortcomings: [{ member: 'id_token_signing_alg_values_supported', wanted: ['ES256'], isVital: true }] },
      'failed',
      /n’annonce pas ce que ce site demande/,
    ],
    [
      'lacks a scope',
      { shortcomings: [{ member: 'scopes_supported', wanted: ['scope_all'], isVital: false }] },
      'warning',
      /n’annonce pas tout/,
    ],
  ])('that %s', async (_, changes, state, message) => {
    const result = await look(changes);
    expect(result).toMatchObject({ state, message: expect.stringMatching(message) });
    expect(result.message).toContain(service);
    expect(result.remedy).toMatch(/\.$/);
    expect(result.remedy).toMatch(/SignIn|réseau|adresses|ce serveur/);
  });

  test('whose client it does not know names the section to look at', async () =>
    expect((await look({ clients: [{ hosts, exchange: unavailable('provider-refused-us') }] })).remedy).toContain(
      section,
    ));

  test('with two faults tells both remedies, the worst first', async () => {
    const result = await look({
      clients: [{ hosts, exchange: unavailable('provider-refused-us') }],
      shortcomings: [{ member: 'end_session_endpoint', wanted: [], isVital: false }],
    });
    expect(result.message).toContain('ne reconnaît pas');
    expect(result.remedy).toMatch(/identifiant de client.*document de découverte/);
    expect(result.details).toContain('Document de découverte : n’annonce pas end_session_endpoint');
  });
});

test('a service that is not configured is said to be missing, and for whom', async () => {
  const { proSanteConnect: _, franceConnect: __, ...alone } = wellViewer(now);
  expect(await resultOf('sign-in-psc', alone)).toMatchObject({
    state: 'skipped',
    message: expect.stringContaining('professionnels'),
  });
  expect(await resultOf('sign-in-franceconnect', alone)).toMatchObject({
    state: 'skipped',
    message: expect.stringContaining('patients'),
  });
});

describe('what patients need of FranceConnect+', () => {
  const look = (changes: Partial<FranceConnectFacts>) =>
    resultOf('sign-in-franceconnect', {
      ...wellViewer(now),
      franceConnect: () => Promise.resolve({ ...wellFranceConnect, ...changes }),
    });

  test('given names one by one: without them who has several is refused (E7), and it says what to ask of the Datapass', async () =>
    expect(await look({ lackingTraits: ['first given name'] })).toMatchObject({
      state: 'warning',
      message: expect.stringContaining('plusieurs prénoms sont refusés'),
      remedy: expect.stringMatching(/rnipp_identite_pivot.*Datapass/),
    }));

  test('every trait: without one everybody is refused (E7)', async () =>
    expect(await look({ lackingTraits: ['first given name', 'birth place', 'sex'] })).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('(lieu de naissance, sexe) : tous les patients sont refusés'),
    }));

  test.each([
    [{ kind: 'others' }, 'warning', 'd’autres clés que celles des fichiers'],
    [{ kind: 'private' }, 'failed', 'une clé PRIVÉE y est publiée'],
    [{ kind: 'silent', detail: 'ECONNREFUSED' }, 'failed', 'ne peuvent pas y être lues (ECONNREFUSED)'],
  ] as const)('our keys, published: %j', async (published, state, line) => {
    const result = await look({ keysAt: [{ host: 'vi1.exemple.fr', published }] });
    expect(result).toMatchObject({ state, remedy: expect.stringMatching(/\.$/) });
    expect(result.details?.at(-1)).toContain(line);
  });
});

test('their clocks are compared with ours (G4)', async () => {
  const { results } = await runDoctor({
    clock: () => now,
    viewer: {
      ...wellViewer(now),
      proSanteConnect: () => Promise.resolve({ ...wellSignIn, clockDifferenceMs: 900 }),
      franceConnect: () => Promise.resolve({ ...wellFranceConnect, clockDifferenceMs: -45_000 }),
    },
  });
  expect(results.find(({ name }) => name === 'clock-skew')).toMatchObject({
    state: 'warning',
    message: 'L’horloge de cette machine retarde de 45 s sur celle de FranceConnect+.',
  });
});
