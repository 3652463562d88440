import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDmpClient, dmpOptions } from '../../plugin/dmp/index.ts';
import { makeCertificates, type TestCertificates } from '../fixtures/dmp/certificates.ts';
import { sampleOptions } from '../fixtures/dmp/sample-metadata.ts';

const ports = { clock: () => 0, newUuid: () => '00000000-0000-4000-8000-000000000000' };
const unreadable = expect.objectContaining({ code: 'dmp/certificate-unreadable' });

let certificates: TestCertificates;
beforeAll(() => {
  certificates = makeCertificates();
});
afterAll(() => certificates.remove());

const structure = (changes: object = {}) => {
  const { caFile: _, ...identity } = certificates.files;
  return { id: '1750000001', name: 'Radio test', ...identity, ...changes };
};
const options = (changes: object = {}) => sampleOptions('https://localhost/services', certificates.files, changes);

describe('options of the DMP', () => {
  it('defaults to what the publication sample does (decision C6)', () => {
    expect(options()).toMatchObject({
      vihf: { version: '3.0', modeAttribute: 'Authentification_Mode', mode: 'INDIRECTE', algorithm: 'rsa-sha1' },
      signature: { algorithm: 'rsa-sha1', xadesNamespace: 'http://uri.etsi.org/01903/v1.1.1#' },
    });
  });

  it('refuses http, an unknown key, no structure', () => {
    expect(() => sampleOptions('http://localhost/services', certificates.files)).toThrow();
    expect(() => options({ surprise: true })).toThrow();
    expect(() => options({ structures: [] })).toThrow();
  });

  it('refuses two structures with one identifier in two forms: the certificate would depend on their order', () => {
    const { error } = dmpOptions.safeParse({
      ...options(),
      structures: [structure(), structure({ id: '1750000002', aliases: ['750000001'] })],
    });
    expect(error?.issues.map((issue) => issue.message)).toEqual(['structures 1 and 2 share an identifier']);
  });
});

describe('certificates', () => {
  it('says which file cannot be read or used, without quoting it', () => {
    const broken = join(certificates.folder, 'broken.pem');
    writeFileSync(broken, 'not a certificate');
    expect(() => createDmpClient({ ...options(), caFile: '/nowhere/ca.pem' }, ports)).toThrow(unreadable);
    expect(() => createDmpClient({ ...options(), caFile: broken }, ports)).toThrow(unreadable);
    expect(() => createDmpClient(options({ structures: [structure({ signCertificateFile: broken })] }), ports)).toThrow(
      unreadable,
    );
    expect(() => createDmpClient(options({ structures: [structure({ signKeyFile: broken })] }), ports)).toThrow(
      unreadable,
    );
  });

  it('refuses a key that is not the certificate’s: nothing it signs would verify', () => {
    const mixed = structure({ signKeyFile: certificates.files.authKeyFile });
    expect(() => createDmpClient(options({ structures: [mixed] }), ports)).toThrow(unreadable);
  });
});
