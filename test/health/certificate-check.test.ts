/** Certificates are announced early: IGC-Santé renews only valid ones. Names are invented. */
import { describe, expect, test } from 'vitest';
import { type CertificateFacts, type CheckResult, type DoctorPorts, runDoctor } from '../../plugin/health/index.ts';

const now = Date.UTC(2026, 10, 21, 12);
const dayMs = 86_400_000;

const certificate = (daysLeft: number, changes: Partial<CertificateFacts> = {}): CertificateFacts => ({
  structureName: 'CH EXEMPLE',
  use: 'authentication',
  notBeforeUtcMs: now - 100 * dayMs,
  notAfterUtcMs: now + daysLeft * dayMs,
  ...changes,
});

const resultOf = async (ports: Pick<DoctorPorts, 'certificates'>): Promise<CheckResult> => {
  const { results } = await runDoctor({ clock: () => now, ...ports });
  const result = results.find(({ name }) => name === 'certificates');
  if (result === undefined) throw new Error('no check');
  return result;
};

describe('certificates (announced at 90, 60, 30 and 7 days)', () => {
  test.each([
    [91, 'ok', 'valable jusqu’au 20/02/2027'],
    [90, 'warning', 'expire dans 90 jours (19/02/2027, seuil de 90 jours)'],
    [61, 'warning', 'seuil de 90 jours'],
    [60, 'warning', 'seuil de 60 jours'],
    [30, 'warning', 'seuil de 30 jours'],
    [8, 'warning', 'seuil de 30 jours'],
    [7, 'warning', 'URGENT, expire dans 7 jours'],
    [1, 'warning', 'URGENT, expire dans 1 jour ('],
    [0, 'failed', 'expiré depuis le 21/11/2026'],
    [-1, 'failed', 'expiré depuis le 20/11/2026'],
  ])('%i days left: %s', async (days, state, line) => {
    const result = await resultOf({ certificates: () => Promise.resolve([certificate(days)]) });
    expect(result.state).toBe(state);
    expect(result.details?.[0]).toContain(line);
  });

  test('one that is not valid yet fails', async () => {
    const early = certificate(400, { notBeforeUtcMs: now + dayMs });
    expect(await resultOf({ certificates: () => Promise.resolve([early]) })).toMatchObject({
      state: 'failed',
    });
  });

  test('dates that cannot be read fail', async () => {
    const odd = certificate(400, { notAfterUtcMs: Number.NaN });
    expect(await resultOf({ certificates: () => Promise.resolve([odd]) })).toMatchObject({
      state: 'failed',
    });
  });

  test('the worst decides, and all are listed', async () => {
    const certificates = () =>
      Promise.resolve([certificate(400), certificate(20, { use: 'signature' }), certificate(-3, { use: 'server' })]);
    const result = await resultOf({ certificates });
    expect(result.state).toBe('failed');
    expect(result.details).toHaveLength(3);
  });

  test('none configured is no good news', async () =>
    expect((await resultOf({ certificates: () => Promise.resolve([]) })).state).toBe('skipped'));
});
