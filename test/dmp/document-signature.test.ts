import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSubmission, verifyDocumentSignature } from '../../plugin/dmp/index.ts';
import { makeCertificates, type TestCertificates } from '../fixtures/dmp/certificates.ts';
import { sampleKos, sampleMetadata, submissionOptions } from '../fixtures/dmp/sample-metadata.ts';

const refusal = expect.objectContaining({ code: 'dmp/signature-invalid' });
const documents = new Map([[sampleMetadata.documentUniqueId, sampleKos]]);

let certificates: TestCertificates;
beforeAll(() => {
  certificates = makeCertificates();
});
afterAll(() => certificates.remove());

const build = (
  algorithm: 'rsa-sha1' | 'rsa-sha256' = 'rsa-sha1',
  xadesNamespace = submissionOptions.signature.xadesNamespace,
): string => {
  const signature = { ...submissionOptions.signature, algorithm, xadesNamespace };
  const submission = buildSubmission(sampleMetadata, sampleKos, certificates.signing, {
    ...submissionOptions,
    signature,
  });
  return Buffer.from(submission.signature).toString('utf8');
};
const verdict = (xml: string, given: ReadonlyMap<string, Uint8Array> = documents): unknown => {
  try {
    return verifyDocumentSignature(xml, given, {
      kind: 'certificate',
      certificatePem: certificates.signing.certificatePem,
    });
  } catch (error) {
    return error;
  }
};

describe('the signature document', () => {
  it.each([
    ['rsa-sha1', 'http://uri.etsi.org/01903/v1.1.1#'],
    ['rsa-sha256', 'http://uri.etsi.org/01903/v1.1.1#'],
    ['rsa-sha256', 'http://uri.etsi.org/01903/v1.3.2#'],
  ] as const)('verifies with xmlsec1 (%s, XAdES %s)', (algorithm, xades) => {
    const file = join(certificates.folder, 'signature.xml');
    writeFileSync(file, build(algorithm, xades));
    const args = ['--verify', '--ignore-manifests', '--trusted-pem', certificates.files.caFile];
    const ids = [
      '--id-attr:Id',
      'http://www.w3.org/2000/09/xmldsig#:Manifest',
      '--id-attr:Id',
      `${xades}:SignedProperties`,
    ];
    const run = spawnSync('xmlsec1', [...args, ...ids, file], { encoding: 'utf8' });
    expect(run.stderr).toContain('SignedInfo References (ok/all): 2/2');
    expect(run.status).toBe(0);
  });

  it('names the KOS by OID and digest, and the submission set with the constant digest', () => {
    expect(verdict(build())).toEqual({
      signingTime: '2026-01-10T10:00:05.250Z',
      verifiedDocuments: ['2.25.1003'],
      submissionSets: ['2.25.1001'],
      uncheckedDocuments: [],
    });
    expect(build()).toContain(
      '<Reference URI="urn:oid:2.25.1001"><DigestMethod Algorithm="http://www.w3.org/2000/09/xmldsig#sha1"/><DigestValue>AA==<',
    );
  });

  it('names its certificate’s issuer and serial number (decimal), most specific part first', () => {
    expect(build()).toContain('>CN=AC DE TEST, OU=0002 000000000, O=EXEMPLE, C=FR</X509IssuerName>');
    expect(build()).toMatch(/X509SerialNumber xmlns="[^"]+">[0-9]{20,}</);
  });
});

describe('verifying a signature document', () => {
  it('says which documents it could not check', () => {
    expect(verdict(build(), new Map())).toEqual(
      expect.objectContaining({ verifiedDocuments: [], uncheckedDocuments: ['2.25.1003'] }),
    );
  });

  it('refuses other bytes for the KOS, and a document the manifest does not name', () => {
    expect(verdict(build(), new Map([['2.25.1003', Buffer.from('other')]]))).toEqual(refusal);
    expect(verdict(build(), new Map([...documents, ['2.25.9', sampleKos]]))).toEqual(refusal);
  });

  it.each([
    ['the OID of the KOS', 'urn:oid:2.25.1003', 'urn:oid:2.25.1004'],
    ['the submission set', 'urn:oid:2.25.1001', 'urn:oid:2.25.1005'],
    ['the signing time', '10:00:05', '11:00:05'],
    ['the issuer', 'CN=AC DE TEST', 'CN=AC DE TESS'],
    ['the target of the properties', 'Target="#2.25.1002"><SignedProperties', 'Target="#2.25.9"><SignedProperties'],
    ['the type of a reference', 'xmldsig#Manifest', 'xmldsig#Object'],
    ['the signature method', 'xmldsig#rsa-sha1', 'xmldsig#hmac-sha1'],
  ])('refuses it once %s is changed', (_, from, to) => {
    expect(build()).toContain(from);
    expect(verdict(build().replace(from, to))).toEqual(refusal);
  });

  it('refuses a second manifest, even with another Id, and one outside its Object (signature wrapping)', () => {
    const xml = build();
    const manifest = /<Object><Manifest.*?<\/Manifest><\/Object>/.exec(xml)?.[0] ?? '';
    const forged = manifest.replace('Id="IHEManifest"', 'Id="Other"');
    expect(verdict(xml.replace(manifest, forged + manifest))).toEqual(refusal);
    expect(verdict(xml.replace(manifest, manifest + manifest))).toEqual(refusal);
    expect(
      verdict(xml.replace(manifest, `<Object><SignatureProperties>${manifest}</SignatureProperties></Object>`)),
    ).toEqual(refusal);
  });

  it('refuses a signature that is not the root, a missing reference, and no XML', () => {
    const body = build().replace(/^<\?xml[^>]*>\s*/, '');
    expect(verdict(`<a>${body}</a>`)).toEqual(refusal);
    expect(verdict(body.replace(/<Reference Type="[^"]*Manifest".*?<\/Reference>/, ''))).toEqual(refusal);
    expect(verdict('not XML')).toEqual(refusal);
  });

  it('refuses a certificate that is not the one the signer declared', () => {
    const other = makeCertificates();
    try {
      const trust = { kind: 'certificate', certificatePem: other.signing.certificatePem } as const;
      expect(() => verifyDocumentSignature(build(), documents, trust)).toThrow(refusal);
    } finally {
      other.remove();
    }
  });

  it('says nothing else than what was signed, whatever single character is changed', () => {
    const signed = build();
    const said = verdict(signed);
    fc.assert(
      fc.property(
        fc.nat(signed.length - 1),
        fc.constantFrom('a', 'Z', '1', ' ', '<', '"', '&', '#'),
        (at, character) => {
          const read = verdict(signed.slice(0, at) + character + signed.slice(at + 1));
          expect(read).toEqual(read instanceof Error ? refusal : said);
        },
      ),
      { numRuns: 300 },
    );
  });
});
