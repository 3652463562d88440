/**
 * The signature document (IHE DSG, XAdES): it signs a manifest that names the submission set and the KOS.
 *
 * @see facts/spec.md b.4.5 · facts/cisis.md 3.4 · facts/poc.md 3.9 · XAdES 1.1.1 and 1.3.2
 */
import { createHash, type X509Certificate } from 'node:crypto';
import {
  isSameName,
  isSigningCertificate,
  isTrusted,
  nameOf,
  structureOf,
  type TrustStore,
} from './certificate-chain.ts';
import { type Findings, registryCodes } from './findings.ts';
import {
  digestOf,
  readSignature,
  SignatureRefused,
  statedDigest,
  verifyFragment,
  verifySignedInfo,
} from './xml-signature.ts';
import {
  attributeOf,
  childrenNamed,
  descendantsNamed,
  isNamed,
  namespaces,
  onlyChild,
  type ParsedXml,
  parseXml,
  XmlInvalid,
  type XmlNode,
} from './xml-tree.ts';

const ds = namespaces.signature;
/** Version of XAdES → namespace of DigestMethod and DigestValue inside CertDigest: local elements in 1.1.1, references later. */
const digestNamespaces: Readonly<Record<string, string>> = {
  'http://uri.etsi.org/01903/v1.1.1#': 'http://uri.etsi.org/01903/v1.1.1#',
  'http://uri.etsi.org/01903/v1.3.2#': ds,
};
const sourcePurpose = '1.2.840.10065.1.12.1.14';

export interface SignedDocuments {
  readonly submissionSetUniqueId: string;
  readonly signatureUniqueId: string;
  readonly kosUniqueId: string;
  readonly kos: Uint8Array;
  /** OU that the certificate must have: that of the VIHF's signer. */
  readonly signerUnit: string;
}

export interface SignatureContext {
  readonly trust: TrustStore;
  readonly nowMs: number;
  readonly maxSkewMs: number;
}

type Refuse = (rule: string, text: string) => void;

const checkManifest = (manifest: XmlNode, documents: SignedDocuments, refuse: Refuse): void => {
  if (!isNamed(manifest, ds, 'Manifest') || attributeOf(manifest, 'Id') !== 'IHEManifest') {
    refuse('xades/manifest', 'the signed element is not the IHEManifest');
    return;
  }
  const references = childrenNamed(manifest, ds, 'Reference');
  const of = (uniqueId: string): XmlNode | undefined =>
    references.find((each) => attributeOf(each, 'URI') === `urn:oid:${uniqueId}`);
  const set = of(documents.submissionSetUniqueId);
  const kos = of(documents.kosUniqueId);
  if (references.length !== 2 || set === undefined || kos === undefined) {
    refuse('xades/manifest-references', 'the manifest must name the submission set and the KOS');
    return;
  }
  if (statedDigest(set) !== 'AA==') refuse('xades/set-digest', 'digest of the submission set must be AA==');
  if (onlyChild(kos, ds, 'Transforms') !== undefined)
    refuse('xades/kos-transforms', 'a binary document has no transform');
  if (digestOf(kos, documents.kos) !== statedDigest(kos))
    refuse('xades/kos-digest', 'digest of the KOS does not match');
};

const checkSigningTime = (properties: XmlNode, context: SignatureContext, refuse: Refuse): void => {
  const text = properties.children.find(({ name }) => name === 'SigningTime')?.text.trim() ?? '';
  const isFormed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  if (!isFormed || !(Date.parse(text) <= context.nowMs + context.maxSkewMs))
    refuse('xades/signing-time', 'SigningTime missing or in the future');
};

const checkSigningCertificate = (properties: XmlNode, certificate: X509Certificate, refuse: Refuse): void => {
  const holder = properties.children.find(({ name }) => name === 'SigningCertificate');
  const first = holder?.children.find(({ name }) => name === 'Cert');
  const digest = first?.children.find(({ name }) => name === 'CertDigest');
  const namespace = digestNamespaces[properties.namespace] ?? ds;
  if (digest === undefined || digestOf(digest, certificate.raw, namespace) !== statedDigest(digest, namespace)) {
    refuse('xades/certificate-digest', 'SigningCertificate is not the certificate of KeyInfo');
  }
  const issuerSerial = first?.children.find(({ name }) => name === 'IssuerSerial');
  const issuer = onlyChild(issuerSerial, ds, 'X509IssuerName')?.text ?? '';
  const serial = onlyChild(issuerSerial, ds, 'X509SerialNumber')?.text.trim() ?? '';
  const isSame =
    isSameName(issuer, nameOf(certificate.issuer)) && serial === BigInt(`0x${certificate.serialNumber}`).toString();
  if (!isSame) refuse('xades/issuer-serial', 'IssuerSerial is not that of the certificate');
};

const checkSignedProperties = (
  properties: XmlNode,
  certificate: X509Certificate,
  context: SignatureContext,
  refuse: Refuse,
): void => {
  const signed = properties.children.find(({ name }) => name === 'SignedSignatureProperties');
  if (
    digestNamespaces[properties.namespace] === undefined ||
    properties.name !== 'SignedProperties' ||
    signed === undefined
  ) {
    refuse('xades/signed-properties', 'SignedProperties missing or of an unknown version');
    return;
  }
  checkSigningTime(signed, context, refuse);
  checkSigningCertificate(signed, certificate, refuse);
};

const checkPurpose = (signature: XmlNode, refuse: Refuse): void => {
  const id = attributeOf(signature, 'Id');
  const property = descendantsNamed(signature, ds, 'SignatureProperty').find(
    (each) => attributeOf(each, 'Id') === 'purposeOfSignature',
  );
  if (property?.text.trim() !== sourcePurpose || attributeOf(property, 'Target') !== `#${id}`) {
    refuse('xades/purpose', 'purposeOfSignature missing or not Source');
  }
};

const checkCertificate = (
  certificate: X509Certificate,
  documents: SignedDocuments,
  context: SignatureContext,
  refuse: Refuse,
): void => {
  if (!isTrusted(certificate, context.trust, context.nowMs))
    refuse('xades/signer-untrusted', 'certificate not trusted');
  if (!isSigningCertificate(certificate)) refuse('xades/signer-not-sign', 'Not a valid signature certificate');
  if (structureOf(certificate) !== documents.signerUnit)
    refuse('xades/signer-other-structure', 'signed by another structure');
};

const checkSignature = (root: XmlNode, documents: SignedDocuments, context: SignatureContext, refuse: Refuse): void => {
  if (!isNamed(root, ds, 'Signature')) {
    refuse('xades/root', 'the signature document is not a ds:Signature');
    return;
  }
  if (attributeOf(root, 'Id') !== documents.signatureUniqueId)
    refuse('xades/id', 'Signature/@Id is not the uniqueId of its entry');
  const parts = readSignature(root);
  checkCertificate(parts.certificate, documents, context, refuse);
  verifySignedInfo(parts);
  const byType = (suffix: string): XmlNode | undefined =>
    parts.references.find((each) => attributeOf(each, 'Type').endsWith(suffix));
  const [manifest, properties] = [byType('#Manifest'), byType('#SignedProperties')];
  if (parts.references.length !== 2 || manifest === undefined || properties === undefined) {
    throw new SignatureRefused('reference', 'references to Manifest and SignedProperties are wanted');
  }
  checkManifest(verifyFragment(root, manifest, []), documents, refuse);
  checkSignedProperties(verifyFragment(root, properties, []), parts.certificate, context, refuse);
  checkPurpose(root, refuse);
};

/** Reports to `findings` all that is wrong with the signature document. */
export const checkDocumentSignature = (
  bytes: Uint8Array,
  documents: SignedDocuments,
  context: SignatureContext,
  findings: Findings,
): void => {
  const refuse: Refuse = (rule, text) => findings.registry(rule, registryCodes.repository, `Signature XAdES: ${text}`);
  let xml: ParsedXml;
  try {
    xml = parseXml(bytes);
  } catch (error) {
    if (!(error instanceof XmlInvalid)) throw error;
    refuse('xades/xml', error.message);
    return;
  }
  try {
    checkSignature(xml.root, documents, context, refuse);
  } catch (error) {
    if (!(error instanceof SignatureRefused)) throw error;
    refuse(`xades/signature-${error.fault}`, error.message);
  } finally {
    xml.dispose();
  }
};

export const sha1Hex = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
