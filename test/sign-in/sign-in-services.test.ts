/** The services of a site as they are run: what is renewed on disk is taken without a restart. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSignInServices, type SignInServices, type SignInServicesPorts } from '../../plugin/sign-in/index.ts';
import { type FranceConnectSetting, openFranceConnectSetting } from '../fixtures/sign-in/france-connect-setting.ts';
import { openPscSignInSetting, type PscSignInSetting, viewerClient } from '../fixtures/sign-in/psc-sign-in-setting.ts';

let patients: FranceConnectSetting;
let professionals: PscSignInSetting;
beforeAll(async () => {
  [patients, professionals] = await Promise.all([openFranceConnectSetting(), openPscSignInSetting()]);
}, 60_000);
afterAll(() => Promise.all([patients.stop(), professionals.stop()]));

/** Time passes when `look` is called; `told` is what reached the administrator. */
const openFollowed = async (options: Parameters<typeof openSignInServices>[0]) => {
  const told: string[] = [];
  const looks = new Set<() => void>();
  const ports: SignInServicesPorts = {
    clock: Date.now,
    randomBytes,
    alerts: {
      raise: (code, subject) => told.push(`raise ${code} ${subject}`),
      clear: (code, subject) => told.push(`clear ${code} ${subject}`),
    },
    every: (intervalMs, look) => {
      expect(intervalMs).toBe(60_000);
      looks.add(look);
      return () => looks.delete(look);
    },
  };
  const services: SignInServices = await openSignInServices(options, ports);
  return { services, told, looks, look: () => looks.forEach((look) => look()) };
};

describe('each minute', () => {
  test('a renewed secret of Pro Santé Connect is taken; a file that cannot be used is an alert, and the former serves', async () => {
    const file = join(professionals.folder, 'followed');
    writeFileSync(file, 'secret-perime-0123456789');
    const options = professionals.options({ clientSecretFile: file });
    const { services, told, looks, look } = await openFollowed({ proSanteConnect: options });
    const service = services.proSanteConnect;
    if (service === undefined) throw new Error('no service');
    expect(await professionals.signIn(service, 'doctor')).toMatchObject({ code: 'sign-in/provider-refused-us' });
    writeFileSync(file, viewerClient.secret);
    look();
    expect(await professionals.signIn(service, 'doctor')).toMatchObject({ kind: 'signed-in' });
    writeFileSync(file, '');
    look();
    look();
    expect(await professionals.signIn(service, 'doctor')).toMatchObject({ kind: 'signed-in' });
    writeFileSync(file, viewerClient.secret);
    look();
    expect(await professionals.signIn(service, 'doctor')).toMatchObject({ kind: 'signed-in' });
    const about = 'SignIn.ProSanteConnect';
    expect(told).toEqual([
      ...[`clear config/unreadable ${about}`, `clear config/invalid ${about}`],
      ...[`clear config/unreadable ${about}`, `raise config/invalid ${about}`],
      ...[`clear config/unreadable ${about}`, `clear config/invalid ${about}`],
    ]);
    await services.close();
    expect(looks.size).toBe(0);
  });

  test('renewed keys and secrets of FranceConnect+ are taken', async () => {
    const { ec, olderEc, rsa } = patients.keyFiles;
    const file = join(patients.folder, 'followed.pem');
    writeFileSync(file, readFileSync(olderEc));
    const options = patients.options({ encryptionKeyFiles: [file, rsa] });
    const { services, told, look } = await openFollowed({ franceConnect: options });
    const published = (): unknown => services.franceConnect?.jwks().keys[0]?.kid;
    const former = published();
    writeFileSync(file, readFileSync(ec));
    look();
    await expect.poll(published).not.toBe(former);
    writeFileSync(file, 'EXEMPLE');
    look();
    await expect.poll(() => told.at(-1)).toBe('raise config/invalid SignIn.FranceConnect');
    await services.close();
  });
});

test('when one cannot be opened (config/unreadable), the other is closed again', async () => {
  const stopped: unknown[] = [];
  const opening = openSignInServices(
    {
      proSanteConnect: professionals.options(),
      franceConnect: patients.options({ encryptionKeyFiles: [join(patients.folder, 'absent.pem')] }),
    },
    {
      clock: Date.now,
      randomBytes,
      alerts: { raise: () => undefined, clear: () => undefined },
      every: (_, look) => () => stopped.push(look),
    },
  );
  await expect(opening).rejects.toMatchObject({ code: 'config/unreadable' });
  expect(stopped).toHaveLength(1);
});
