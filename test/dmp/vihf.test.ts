import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyVihf } from '../../plugin/dmp/index.ts';
import { buildEnvelope } from '../../plugin/dmp/soap-envelope.ts';
import { formatDistinguishedName } from '../../plugin/dmp/signing-identity.ts';
import { buildAssertion, buildVihf, type VihfOptions, type VihfSubject } from '../../plugin/dmp/vihf.ts';
import { makeCertificates, type TestCertificates } from '../fixtures/dmp/certificates.ts';
import { sampleSubject } from '../fixtures/dmp/sample-metadata.ts';

const options: VihfOptions = {
  version: '3.0',
  modeAttribute: 'Authentification_Mode',
  mode: 'INDIRECTE',
  authnContextClass: 'urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient',
  algorithm: 'rsa-sha1',
  nameSeparator: ', ',
};
const software = { id: 'TEST-01', name: 'DRIMbox', version: '0.1', homologationNumber: 'EXEMPLE-0001' };
const stamp = { uuid: '01234567-0000-4000-8000-000000000000', issuedAtUtcMs: Date.UTC(2026, 0, 10, 10, 0, 5, 250) };
const readable = (xml: string): string => `${xml.replaceAll('><', '>\n<')}\n`;
const refusal = expect.objectContaining({ code: 'dmp/signature-invalid' });

let certificates: TestCertificates;
beforeAll(() => {
  certificates = makeCertificates();
});
afterAll(() => certificates.remove());

const trusted = () => ({ kind: 'certificate', certificatePem: certificates.signing.certificatePem }) as const;
const build = (subject: VihfSubject = sampleSubject, changes: Partial<VihfOptions> = {}): string =>
  buildVihf(subject, certificates.signing, software, { ...options, ...changes }, stamp);
const inEnvelope = (vihf: string): string =>
  buildEnvelope({
    messageId: 'urn:uuid:1',
    to: 'https://localhost/registry',
    action: 'urn:a',
    vihf,
    body: '<b xmlns="urn:b"/>',
  });
const verdict = (xml: string): unknown => {
  try {
    return verifyVihf(xml, trusted());
  } catch (error) {
    return error;
  }
};

describe('building a VIHF', () => {
  it('is the golden document, attributes in the order of the publication sample (decision C6)', async () => {
    const assertion = buildAssertion(sampleSubject, 'CN=DRIMbox, OU=1750000001, C=FR', software, options, stamp, '');
    await expect(readable(assertion)).toMatchFileSnapshot('../fixtures/dmp/vihf-unsigned.xml');
  });

  it.each(['rsa-sha1', 'rsa-sha256'] as const)('verifies with xmlsec1, inside its envelope (%s)', (algorithm) => {
    const file = join(certificates.folder, 'vihf.xml');
    writeFileSync(file, inEnvelope(build(sampleSubject, { algorithm })));
    const args = ['--verify', '--trusted-pem', certificates.files.caFile, '--id-attr:ID'];
    const run = spawnSync('xmlsec1', [...args, 'urn:oasis:names:tc:SAML:2.0:assertion:Assertion', file], {
      encoding: 'utf8',
    });
    expect(run.stderr).toContain('SignedInfo References (ok/all): 1/1');
    expect(run.status).toBe(0);
  });

  it('names the professional, never the patient, as the subject', () => {
    const verified = verifyVihf(build(), trusted());
    expect(verified.nameId).toBe('899900000017');
    expect(verified.attributes.get('urn:oasis:names:tc:xspa:1.0:subject:subject-id')).toEqual(['Noëlle EXEMPLE']);
  });

  it('names the software when no professional can be', () => {
    const person = { kind: 'automaton', id: '1750000001/1', name: 'DRIMbox Orthanc' } as const;
    const verified = verifyVihf(build({ ...sampleSubject, person }), trusted());
    expect(verified.attributes.get('urn:oasis:names:tc:xspa:1.0:subject:subject-id')).toEqual(['DRIMbox Orthanc']);
  });

  it('writes the issuer as the signing certificate’s name, most specific part first', () => {
    expect(verifyVihf(build(), trusted()).issuer).toBe(
      'CN=DRIMbox de test, OU=1750000001, O=RADIO TEST, ST=Paris (75), C=FR',
    );
    expect(formatDistinguishedName("C=FR\nST=Côte-d'Or (21)\nO=A\\, B", ',')).toBe("O=A\\, B,ST=Côte-d'Or (21),C=FR");
  });

  it('carries the secret connection attribute only when it is given (decision B8)', () => {
    expect(verifyVihf(build(), trusted()).attributes.has('Confidentiality-code')).toBe(false);
    const secretConnection = { attribute: 'Confidentiality-code', value: 'EXEMPLE' };
    const verified = verifyVihf(build({ ...sampleSubject, secretConnection }), trusted());
    expect(verified.attributes.get('Confidentiality-code')).toEqual(['EXEMPLE']);
  });

  it('follows the configuration where official texts disagree (version, spelling, validity)', () => {
    const vihf = build(sampleSubject, { version: '4.0', modeAttribute: 'Authentification_mode', validitySeconds: 300 });
    const { attributes } = verifyVihf(vihf, trusted());
    expect(attributes.get('VIHF_Version')).toEqual(['4.0']);
    expect(attributes.get('Authentification_mode')).toEqual(['INDIRECTE']);
    expect(vihf).toContain(
      '<saml2:Conditions NotBefore="2026-01-10T10:00:05.250Z" NotOnOrAfter="2026-01-10T10:05:05.250Z"/>',
    );
  });

  it('has an ID that is an NCName, unlike a bare UUID', () => {
    expect(verifyVihf(build(), trusted()).id).toBe('_01234567-0000-4000-8000-000000000000');
  });
});

describe('verifying a VIHF', () => {
  it('reads it in its envelope, and with the authority instead of the certificate', () => {
    const trust = { kind: 'authorities', authorityPems: [certificates.authorityPem], atUtcMs: Date.now() } as const;
    expect(verifyVihf(inEnvelope(build()), trust).attributes.get('Ressource_URN')).toEqual(['urn:dmp']);
  });

  it('refuses a certificate that the authorities did not issue, or that has expired', () => {
    const other = makeCertificates();
    try {
      const strange = { kind: 'authorities', authorityPems: [other.authorityPem], atUtcMs: Date.now() } as const;
      expect(() => verifyVihf(build(), strange)).toThrow(refusal);
    } finally {
      other.remove();
    }
    const later = {
      kind: 'authorities',
      authorityPems: [certificates.authorityPem],
      atUtcMs: Date.now() + 10 * 86_400_000,
    } as const;
    expect(() => verifyVihf(build(), later)).toThrow(refusal);
  });

  it.each([
    ['the INS', '199017512345657', '299017512345657'],
    ['the professional', '899900000017', '899900000025'],
    ['the structure', '>1750000001<', '>1750000002<'],
    ['a role', 'code="SM44"', 'code="SM26"'],
    ['the instant', 'IssueInstant="2026', 'IssueInstant="2027'],
    ['the digest method', 'xmldsig#sha1', 'xmldsig#sha2'],
    ['the transforms', 'xmldsig#enveloped-signature', 'xmldsig#base64'],
  ])('refuses it once %s is changed', (_, from, to) => {
    expect(build()).toContain(from);
    expect(verdict(build().replace(from, to))).toEqual(refusal);
  });

  it('refuses a second assertion beside the signed one (signature wrapping)', () => {
    const signed = build();
    const forged = buildAssertion(
      { ...sampleSubject, structureId: '750000002' },
      'CN=x',
      software,
      options,
      { ...stamp, uuid: 'f' },
      '',
    );
    expect(verdict(inEnvelope(forged + signed))).toEqual(refusal);
    expect(verdict(inEnvelope(signed + forged))).toEqual(refusal);
  });

  it('refuses the signed assertion tucked inside a forged one with the same ID (signature wrapping)', () => {
    const signed = build();
    const signature = /<ds:Signature .*<\/ds:Signature>/.exec(signed)?.[0] ?? '';
    const original = signed.replace(signature, '');
    const wrapped = signature.replace('</ds:Signature>', `<ds:Object>${original}</ds:Object></ds:Signature>`);
    const forged = buildAssertion(
      { ...sampleSubject, structureId: '750000002' },
      'CN=x',
      software,
      options,
      stamp,
      wrapped,
    );
    expect(verdict(forged)).toEqual(refusal);
  });

  it('refuses an ID that another element repeats, whatever its attribute is called', () => {
    const twice = inEnvelope(build()).replace('<b xmlns="urn:b"/>', `<b xmlns="urn:b" id="_${stamp.uuid}"/>`);
    expect(verdict(twice)).toEqual(refusal);
  });

  it('refuses a signature that stands elsewhere, a second one, or none', () => {
    const signed = build();
    const signature = /<ds:Signature .*<\/ds:Signature>/.exec(signed)?.[0] ?? '';
    expect(verdict(signed.replace(signature, ''))).toEqual(refusal);
    expect(verdict(signed.replace(signature, signature + signature))).toEqual(refusal);
    expect(
      verdict(signed.replace(signature, '').replace('</saml2:Assertion>', `${signature}</saml2:Assertion>`)),
    ).toEqual(refusal);
  });

  it('refuses a comment in a signed text: canonical form does not see it', () => {
    expect(verdict(build().replace('>1750000001<', '>1750000001<!-- --><'))).toEqual(refusal);
  });

  it('refuses what is no XML or has no assertion', () => {
    for (const text of ['', 'x', '<a/>', build().slice(0, -5)]) expect(verdict(text)).toEqual(refusal);
  });

  it('says nothing else than what was signed, whatever single character is changed', () => {
    const signed = build();
    const said = verifyVihf(signed, trusted());
    fc.assert(
      fc.property(
        fc.nat(signed.length - 1),
        fc.constantFrom('a', 'Z', '1', ' ', '<', '"', '&', '#'),
        (at, character) => {
          const read = verdict(signed.slice(0, at) + character + signed.slice(at + 1));
          // Accepted only where nothing is signed (the certificate in KeyInfo, which a pinned one replaces).
          expect(read).toEqual(read instanceof Error ? refusal : said);
        },
      ),
      { numRuns: 300 },
    );
  });
});
