/** The doctor beside a running viewer: the real service, real TLS, stand-ins of the services of identity. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isSiteHere } from './flow-site.ts';
import { startVisitedSite, type VisitedSite } from './visited-site.ts';

interface Result {
  readonly name: string;
  readonly state: string;
  readonly message: string;
  readonly details?: readonly string[];
}

describe.skipIf(!isSiteHere)('drimbox doctor and the viewer', () => {
  let site: VisitedSite;

  beforeAll(async () => {
    site = await startVisitedSite();
  }, 180_000);
  afterAll(async () => {
    await site?.stop();
  });

  const examine = async () => {
    const { stdout } = await site.flow.site.drimbox('doctor', '--json');
    const { results } = JSON.parse(stdout) as { results: readonly Result[] };
    const found = (name: string): Result | undefined => results.find((one) => one.name === name);
    return { text: stdout, found };
  };

  it('finds it well: files, names, both services, our keys as they are published, the clocks (G4)', async () => {
    const { text, found } = await examine();
    for (const name of ['viewer-files', 'viewer-names', 'sign-in-psc', 'sign-in-franceconnect', 'clock-skew']) {
      expect(found(name)).toMatchObject({ state: 'ok' });
    }
    expect(found('viewer-names')?.details?.[0]).toMatch(/^localhost : certificat valable .*, répond, chaîne inconnue/);
    expect(found('sign-in-franceconnect')?.details).toContain('localhost : nos clés y sont publiées');
    expect(found('clock-skew')?.message).toBe(
      'L’horloge concorde avec celle du DMP, de Pro Santé Connect et de FranceConnect+.',
    );
    expect(text).not.toMatch(/secret-exemple/);
    const { status } = await site.flow.site.drimbox('config', 'check');
    expect(status).toBe(0);
  });

  it('says so when FranceConnect+ is down, and only that', async () => {
    await site.visitors.franceConnect.faults.order({ kind: 'down' });
    const { found } = await examine();
    await site.visitors.franceConnect.faults.clear();
    expect(found('sign-in-franceconnect')).toMatchObject({
      state: 'failed',
      message: 'FranceConnect+ ne répond pas : aucun patient ne peut se connecter.',
    });
    expect(found('sign-in-psc')).toMatchObject({ state: 'ok' });
    expect(found('viewer-names')).toMatchObject({ state: 'ok' });
  });
});
