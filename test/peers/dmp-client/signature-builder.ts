/** The XAdES signature document, as the publication sample has it. @see facts/spec.md b.4.5 · facts/poc.md 3.9 */
import { createHash, createSign, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { XmlC14NMode, XmlDocument, type XmlElement } from 'libxml2-wasm';
import type { Credential } from '../ca/openssl-authority.ts';
import { escapeXml, type SubmissionFacts } from './example-facts.ts';
import { certificateText } from './vihf-builder.ts';

const dsNamespace = 'http://www.w3.org/2000/09/xmldsig#';
const sha1 = (bytes: string | Uint8Array): string => createHash('sha1').update(bytes).digest('base64');
const digest = (value: string): string =>
  `<DigestMethod Algorithm="${dsNamespace}sha1"/><DigestValue>${value}</DigestValue>`;

const manifest = (facts: SubmissionFacts, kos: Uint8Array): string =>
  `<Manifest Id="IHEManifest"><Reference URI="urn:oid:${facts.setUniqueId}">${digest('AA==')}</Reference>` +
  `<Reference URI="urn:oid:${facts.kosUniqueId}">${digest(sha1(kos))}</Reference></Manifest>`;

const qualifyingProperties = (facts: SubmissionFacts, certificate: X509Certificate): string => {
  const issuer = escapeXml(certificate.issuer.split('\n').reverse().join(', '));
  const serial = BigInt(`0x${certificate.serialNumber}`).toString();
  return (
    `<QualifyingProperties xmlns="http://uri.etsi.org/01903/v1.1.1#" Target="#${facts.signatureUniqueId}"><SignedProperties Id="S0-SignedProperties">` +
    `<SignedSignatureProperties><SigningTime>${new Date(facts.nowMs).toISOString()}</SigningTime><SigningCertificate><Cert><CertDigest>${digest(sha1(certificate.raw))}</CertDigest>` +
    `<IssuerSerial><X509IssuerName xmlns="${dsNamespace}">${issuer}</X509IssuerName><X509SerialNumber xmlns="${dsNamespace}">${serial}</X509SerialNumber></IssuerSerial></Cert></SigningCertificate>` +
    '<SignaturePolicyIdentifier><SignaturePolicyImplied/></SignaturePolicyIdentifier></SignedSignatureProperties><SignedDataObjectProperties/></SignedProperties></QualifyingProperties>'
  );
};

const signedInfo =
  '<SignedInfo><CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"/>' +
  `<SignatureMethod Algorithm="${dsNamespace}rsa-sha1"/>` +
  `<Reference Type="${dsNamespace}Manifest" URI="#IHEManifest">${digest('MANIFEST-DIGEST')}</Reference>` +
  `<Reference Type="http://uri.etsi.org/01903/v1.1.1#SignedProperties" URI="#S0-SignedProperties">${digest('PROPERTIES-DIGEST')}</Reference></SignedInfo>`;

const canonicalOf = (xml: string, id: string): string => {
  const document = XmlDocument.fromString(xml);
  try {
    const element = document.get(`//*[@Id='${id}' or local-name()='${id}']`) as XmlElement;
    return element.canonicalizeToString({ mode: XmlC14NMode.XML_C14N_1_0 });
  } finally {
    document.dispose();
  }
};

/** @param change  alters the document before its digests are computed: it stays validly signed */
export const buildDocumentSignature = (
  facts: SubmissionFacts,
  kos: Uint8Array,
  sign: Credential,
  change: (xml: string) => string = (xml) => xml,
): string => {
  const certificate = new X509Certificate(readFileSync(sign.certificateFile));
  const unsigned = change(
    `<Signature xmlns="${dsNamespace}" Id="${facts.signatureUniqueId}">${signedInfo}<SignatureValue>SIGNATURE-VALUE</SignatureValue>` +
      `<KeyInfo><X509Data><X509Certificate>${certificateText(sign)}</X509Certificate></X509Data></KeyInfo>` +
      `<Object><SignatureProperties><SignatureProperty Id="purposeOfSignature" Target="#${facts.signatureUniqueId}">1.2.840.10065.1.12.1.14</SignatureProperty></SignatureProperties></Object>` +
      `<Object>${manifest(facts, kos)}</Object><Object>${qualifyingProperties(facts, certificate)}</Object></Signature>`,
  );
  const digested = unsigned
    .replace('MANIFEST-DIGEST', sha1(canonicalOf(unsigned, 'IHEManifest')))
    .replace('PROPERTIES-DIGEST', sha1(canonicalOf(unsigned, 'S0-SignedProperties')));
  const value = createSign('RSA-SHA1')
    .update(canonicalOf(digested, 'SignedInfo'))
    .sign(readFileSync(sign.keyFile), 'base64');
  return digested.replace('SIGNATURE-VALUE', value);
};
