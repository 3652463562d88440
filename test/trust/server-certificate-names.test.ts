/** A configured host name and the certificate beside it must agree: peers would refuse us, and nobody here would know why. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  buildSecureContextOptions,
  createServerCertificates,
  type ServerCertificates,
  serverCertificatesOptions,
} from '../../plugin/trust/index.ts';
import { type Forged, forge, purpose, says } from '../fixtures/trust/certificate-forge.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-names-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const serverFor = (...names: readonly string[]): Forged =>
  forge({ subject: [['CN', 'EXEMPLE']], extensions: [says.purposes(purpose.server), says.names(...names)] });

const write = async ({ pem, keyPem }: Forged): Promise<{ certificateFile: string; keyFile: string }> => {
  const files = { certificateFile: join(folder, 'one.crt'), keyFile: join(folder, 'one.key') };
  await writeFile(files.certificateFile, pem);
  await writeFile(files.keyFile, keyPem);
  return files;
};

const open: string[] = [];
const create = (pair: { certificateFile: string; keyFile: string; name?: string }): Promise<ServerCertificates> =>
  createServerCertificates(serverCertificatesOptions.parse({ certificates: [pair] }), {
    shared: buildSecureContextOptions([]),
    clock: Date.now,
    alerts: { raise: (code, _, detail) => void open.push(`${code} ${detail}`), clear: () => undefined },
  });

describe('A certificate of ours with a configured name (DB.SO.173)', () => {
  test('is called by it, whichever of its names comes first', async () => {
    const files = await write(serverFor('autre.exemple.fr', 'DB1.exemple.fr'));
    const [facts] = (await create({ ...files, name: 'db1.exemple.fr' })).listCertificates();
    expect(facts?.structureName).toBe('db1.exemple.fr');
    expect((await create(files)).listCertificates()[0]?.structureName).toBe('autre.exemple.fr');
  });

  test('is refused at the start when it is for another name', async () => {
    const files = await write(serverFor('db2.exemple.fr'));
    await expect(create({ ...files, name: 'db1.exemple.fr' })).rejects.toMatchObject({
      code: 'trust/server-certificate-invalid',
      detail: expect.stringContaining('db1.exemple.fr') as string,
    });
  });

  test('a wildcard is no name: the national architecture has none', async () => {
    const files = await write(serverFor('*.exemple.fr'));
    await expect(create({ ...files, name: 'db1.exemple.fr' })).rejects.toMatchObject({
      code: 'trust/server-certificate-invalid',
    });
  });

  test('is not replaced by one for another name: the former serves, an alert says why', async () => {
    const certificates = await create({ ...(await write(serverFor('db1.exemple.fr'))), name: 'db1.exemple.fr' });
    const former = certificates.listCertificates();
    await write(serverFor('db2.exemple.fr'));
    await certificates.reload();
    expect(certificates.listCertificates()).toEqual(former);
    expect(open).toEqual([expect.stringMatching(/^trust\/server-certificate-invalid .*not a certificate for db1/)]);
  });
});
