/** A VIHF in indirect mode, signed with xml-crypto. @see facts/identity.md 4.5 */
import { randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SignedXml } from 'xml-crypto';
import type { Credential } from '../ca/openssl-authority.ts';
import { escapeXml, type SubmissionFacts } from './example-facts.ts';

const attribute = (name: string, ...values: string[]): string =>
  `<saml2:Attribute Name="${name}">${values.map((value) => `<saml2:AttributeValue>${value}</saml2:AttributeValue>`).join('')}</saml2:Attribute>`;

const coded = (name: string, code: string, codeSystem: string): string =>
  `<${name} xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CE" code="${code}" codeSystem="${codeSystem}" displayName="x"/>`;

export const subjectNameOf = (credential: Credential): string =>
  new X509Certificate(readFileSync(credential.certificateFile)).subject.split('\n').reverse().join(',');

/** The assertion before signing. */
export const buildVihf = (facts: SubmissionFacts, sign: Credential): string => {
  const instant = new Date(facts.nowMs).toISOString();
  const { ins, oid } = facts.patient;
  return (
    `<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="_${randomUUID()}" IssueInstant="${instant}" Version="2.0">` +
    `<saml2:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName">${escapeXml(subjectNameOf(sign))}</saml2:Issuer>` +
    `<saml2:Subject><saml2:NameID>${facts.personId}</saml2:NameID></saml2:Subject>` +
    `<saml2:AuthnStatement AuthnInstant="${instant}"><saml2:AuthnContext><saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement>` +
    `<saml2:AttributeStatement>${attribute('VIHF_Version', '3.0')}${attribute('Secteur_Activite', 'SA08^1.2.250.1.71.4.2.4')}` +
    attribute('Ressource_URN', 'urn:dmp') +
    attribute('urn:oasis:names:tc:xspa:1.0:subject:subject-id', 'DOMINIQUE MEDECIN-EXEMPLE') +
    attribute('Identifiant_Structure', facts.structureId) +
    attribute('LPS_Nom', 'EXEMPLE') +
    attribute('LPS_Version', '1') +
    attribute('LPS_ID_HOMOLOGATION_DMP', 'EXEMPLE-1') +
    attribute('urn:oasis:names:tc:xacml:2.0:resource:resource-id', `${ins}^^^&amp;${oid}&amp;ISO^NH`) +
    attribute('Authentification_Mode', 'INDIRECTE') +
    attribute(
      'urn:oasis:names:tc:xspa:1.0:subject:purposeofuse',
      coded('PurposeOfUse', 'normal', '1.2.250.1.213.1.1.4.248'),
    ) +
    attribute(
      'urn:oasis:names:tc:xacml:2.0:subject:role',
      coded('Role', '10', '1.2.250.1.71.1.2.7'),
      coded('Role', 'SM44', '1.2.250.1.71.4.2.5'),
    ) +
    '</saml2:AttributeStatement></saml2:Assertion>'
  );
};

export type SignatureHash = 'sha1' | 'sha256';
const algorithms = {
  sha1: { signature: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1', digest: 'http://www.w3.org/2000/09/xmldsig#sha1' },
  sha256: {
    signature: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    digest: 'http://www.w3.org/2001/04/xmlenc#sha256',
  },
} as const;
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';

export const certificateText = (credential: Credential): string =>
  new X509Certificate(readFileSync(credential.certificateFile)).raw.toString('base64');

/** Puts the signature after Issuer. */
export const signVihf = (vihf: string, sign: Credential, hash: SignatureHash = 'sha1'): string => {
  const signer = new SignedXml({
    privateKey: readFileSync(sign.keyFile),
    signatureAlgorithm: algorithms[hash].signature,
    canonicalizationAlgorithm: exclusive,
    getKeyInfoContent: () =>
      `<ds:X509Data><ds:X509Certificate>${certificateText(sign)}</ds:X509Certificate></ds:X509Data>`,
  });
  signer.addReference({
    xpath: '/*',
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', exclusive],
    digestAlgorithm: algorithms[hash].digest,
  });
  signer.computeSignature(vihf, {
    prefix: 'ds',
    location: { reference: "//*[local-name(.)='Issuer']", action: 'after' },
  });
  return signer.getSignedXml();
};
