/**
 * The dmp room against the official samples and the DMP's own schemas (`../shared`, absent from a user's machine).
 * Nothing of them is copied here.
 */
import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSubmission, verifyDocumentSignature, verifyVihf } from '../../plugin/dmp/index.ts';
import { buildProvideAndRegister } from '../../plugin/dmp/provide-and-register.ts';
import { buildGetDocuments } from '../../plugin/dmp/registry-stored-query.ts';
import { readOutcome } from '../../plugin/dmp/registry-response.ts';
import { parseEnvelope } from '../../plugin/dmp/soap-answer.ts';
import { buildDeletion, buildUpdateDocumentSet } from '../../plugin/dmp/update-document-set.ts';
import { makeCertificates, type TestCertificates } from '../fixtures/dmp/certificates.ts';
import { sampleKos, sampleMetadata, submissionOptions } from '../fixtures/dmp/sample-metadata.ts';

const shared = join(import.meta.dirname, '../../../shared');
const isPresent = existsSync(join(shared, 'data'));
if (!isPresent) console.warn('test/official/dmp: skipped, ../shared is absent');

const sample = (path: string): Buffer => readFileSync(join(shared, 'data', path));
const pem = (base64: string): string =>
  `-----BEGIN CERTIFICATE-----\n${base64.replace(/\s/g, '').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
const printedCertificate = (xml: string): string => pem(/<(?:ds:)?X509Certificate>\s*(MI[^<]+)</.exec(xml)?.[1] ?? '');
const trusting = (certificatePem: string) => ({ kind: 'certificate', certificatePem }) as const;
const refusal = expect.objectContaining({ code: 'dmp/signature-invalid' });
const codeOf = (act: () => unknown): unknown => {
  try {
    act();
    return 'accepted';
  } catch (error) {
    return error;
  }
};

describe.skipIf(!isPresent)('official signatures', () => {
  const publication = (): string => sample('xds/publication.mtom.txt.xml').toString('utf8');
  const published = (): string => printedCertificate(publication());

  it('accepts the VIHF of METADATA.xml with the certificate printed in the publication', () => {
    const vihf = verifyVihf(sample('xdm/METADATA.xml'), trusting(published()));
    expect(vihf.attributes.get('VIHF_Version')).toEqual(['3.0']);
    expect(vihf.attributes.get('Authentification_Mode')).toEqual(['INDIRECTE']);
    expect(vihf.issuer).toContain('OU=');
  });

  it('refuses the same VIHF once one signed character is changed', () => {
    const changed = sample('xdm/METADATA.xml').toString('utf8').replace('>INDIRECTE<', '>DIRECTE<');
    expect(codeOf(() => verifyVihf(changed, trusting(published())))).toEqual(refusal);
  });

  it('accepts SIGN_1.xml and the KOS its manifest names', () => {
    const kos = sample('kos/xdm_KOS_1_1.dcm');
    const oid = /urn:oid:(1\.3\.2\.[0-9.]+)/.exec(sample('xdm/SIGN_1.xml').toString('utf8'))?.[1] ?? '';
    const verified = verifyDocumentSignature(sample('xdm/SIGN_1.xml'), new Map([[oid, kos]]), trusting(published()));
    expect(verified.verifiedDocuments).toEqual([oid]);
    expect(verified.submissionSets).toHaveLength(1);
    expect(verified.uncheckedDocuments).toEqual([]);
  });

  it('refuses SIGN_1.xml for another KOS', () => {
    const oid = /urn:oid:(1\.3\.2\.[0-9.]+)/.exec(sample('xdm/SIGN_1.xml').toString('utf8'))?.[1] ?? '';
    const documents = new Map([[oid, sample('kos/ko.dcm')]]);
    expect(codeOf(() => verifyDocumentSignature(sample('xdm/SIGN_1.xml'), documents, trusting(published())))).toEqual(
      refusal,
    );
  });

  it('accepts TD2.1-SignatureXades.xml with its own certificate', () => {
    const xml = sample('dmp/TD2.1-SignatureXades.xml');
    const verified = verifyDocumentSignature(xml, new Map(), trusting(printedCertificate(xml.toString('utf8'))));
    expect(verified.uncheckedDocuments).toHaveLength(1);
  });

  it('refuses it for TD2.1-DocumentME2.xml, which was changed after signing (xmllint --c14n agrees)', () => {
    const xml = sample('dmp/TD2.1-SignatureXades.xml');
    const documents = new Map([['1.2.250.1.999.1.1.7898.4.9956570902', sample('dmp/TD2.1-DocumentME2.xml')]]);
    const trust = trusting(printedCertificate(xml.toString('utf8')));
    expect(codeOf(() => verifyDocumentSignature(xml, documents, trust))).toEqual(refusal);
  });

  it('refuses TD2.1-SignatureXades.xml with the certificate of somebody else', () => {
    const xml = sample('dmp/TD2.1-SignatureXades.xml');
    expect(codeOf(() => verifyDocumentSignature(xml, new Map(), trusting(published())))).toEqual(refusal);
  });

  it.each(['VIHF_INDIRECTE-signe.xml', 'VIHF_DIRECTE-signe.xml'])('refuses %s, masked after signing', (name) => {
    const xml = sample(`dmp/${name}`);
    expect(codeOf(() => verifyVihf(xml, trusting(printedCertificate(xml.toString('latin1')))))).toEqual(refusal);
  });

  it('refuses the VIHF and the signature inside the publication, indented after signing', () => {
    const text = publication();
    const vihf = /<saml2:Assertion[\s\S]*<\/saml2:Assertion>/.exec(text)?.[0] ?? '';
    const signature = /<Signature xmlns[\s\S]*?<\/Signature>/.exec(text)?.[0] ?? '';
    expect(codeOf(() => verifyVihf(vihf, trusting(published())))).toEqual(refusal);
    expect(codeOf(() => verifyDocumentSignature(signature, new Map(), trusting(published())))).toEqual(refusal);
  });

  it('names the issuer and its serial number as the publication does', () => {
    const certificate = new X509Certificate(published());
    expect(publication()).toContain(BigInt(`0x${certificate.serialNumber}`).toString());
    expect(publication()).toContain(certificate.issuer.split('\n').reverse().join(', '));
  });
});

describe.skipIf(!isPresent)('official answers', () => {
  it.each(['TD2.1-Alimentation_reponse.xml', 'TD3.3c-Suppression-document_reponse.xml'])(
    'reads %s as a success',
    (name) => {
      const xml = sample(`dmp/${name}`);
      const relatesTo = /<RelatesTo[^>]*>([^<]+)</.exec(xml.toString('utf8'))?.[1] ?? '';
      expect(readOutcome(parseEnvelope(xml, relatesTo), 'TD2.1', '').kind).toBe('success');
    },
  );

  it('reads the answer to the publication as a success', () => {
    // The capture lost the line ends of its part headers: only its envelope can be read.
    const xml =
      /<soap:Envelope[\s\S]*<\/soap:Envelope>/.exec(sample('xds/response.mtom.txt.xml').toString('utf8'))?.[0] ?? '';
    const relatesTo = /<RelatesTo[^>]*>([^<]+)</.exec(xml)?.[1] ?? '';
    expect(readOutcome(parseEnvelope(xml, relatesTo), 'TD2.1', '').kind).toBe('success');
  });
});

describe.skipIf(!isPresent)('our requests against the schemas of the DMP (decision C9)', () => {
  let certificates: TestCertificates;
  beforeAll(() => {
    certificates = makeCertificates();
  });
  afterAll(() => certificates.remove());

  const validate = (xml: string, schema: string): string => {
    const file = join(certificates.folder, 'request.xml');
    writeFileSync(file, xml);
    const path = join(shared, 'schemas/dmp/schema', schema);
    const run = spawnSync('xmllint', ['--nonet', '--noout', '--schema', path, file], { encoding: 'utf8' });
    return run.stderr.trim();
  };
  const inlined = (body: string, documents: Readonly<Record<string, Uint8Array>>): string =>
    body.replace(/<xop:Include[^>]*href="cid:([^"]+)"[^>]*\/>/g, (_, id: string) =>
      Buffer.from(documents[id] ?? []).toString('base64'),
    );

  it.each([undefined, 'urn:uuid:00000000-0000-4000-8000-000000000001'])('ITI-41 is valid (replaces %s)', (replaces) => {
    const submission = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
    const { body } = buildProvideAndRegister(submission, replaces, 'binary');
    const xml = inlined(body, { '0.2': submission.kos, '0.3': submission.signature });
    expect(xml).not.toContain('xop:Include');
    expect(validate(xml, 'IHE/XDS.b_DocumentRepository.xsd')).toMatch(/validates$/);
  });

  it('the metadata kept by the archive are valid by themselves', () => {
    const submission = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
    expect(validate(submission.submitObjectsRequest, 'ebRS/lcm.xsd')).toMatch(/validates$/);
  });

  it('ITI-18 is valid', () => {
    expect(validate(buildGetDocuments('2.25.1003').body, 'ebRS/query.xsd')).toMatch(/validates$/);
  });

  it('ITI-57 is valid, classifiedObject and registryObject included', () => {
    const deletion = buildDeletion({ ...sampleMetadata, ins: sampleMetadata.patient.ins });
    const { body } = buildUpdateDocumentSet(deletion, 'urn:uuid:00000000-0000-4000-8000-000000000001');
    expect(validate(body, 'ebRS/lcm.xsd')).toMatch(/validates$/);
  });

  it('hashes and sizes a document as the publication does (SHA-1 of the raw bytes)', () => {
    const kos = sample('kos/ko.dcm');
    const text = sample('xds/publication.mtom.txt.xml').toString('utf8');
    expect(text).toContain(createHash('sha1').update(kos).digest('hex'));
    expect(text).toContain(`<Value>${kos.byteLength}</Value>`);
  });

  it('the schema refuses a request whose slots stand after a classification, as it must', () => {
    const submission = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
    const misplaced = submission.submitObjectsRequest.replace(
      /(<Slot name="urn:ihe:iti:xds:2013:referenceIdList">.*?<\/Slot>)([\s\S]*?)(<ExternalIdentifier id="ei4")/,
      '$2$1$3',
    );
    expect(misplaced).not.toBe(submission.submitObjectsRequest);
    expect(validate(misplaced, 'ebRS/lcm.xsd')).toMatch(/fails to validate$/);
  });

  it('uses the labels of the national value set for confidentiality', () => {
    const values = sample('valuesets/JDV_J08_XdsConfidentialityCode_CISIS.xml').toString('utf8');
    const submission = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
    for (const code of ['N', 'MASQUE_PS', 'INVISIBLE_PATIENT', 'INVISIBLE_REPRESENTANTS_LEGAUX']) {
      const label = new RegExp(`code="${code}"[^/]*displayName="([^"]+)"`).exec(values)?.[1] ?? '';
      expect(label).not.toBe('');
      expect(submission.submitObjectsRequest).toMatch(
        new RegExp(`nodeRepresentation="${code}">.*?<Name><LocalizedString charset="UTF8" value="${label}"`),
      );
    }
  });
});
