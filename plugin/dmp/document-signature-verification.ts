/**
 * Checks a signature document (IHE DSG): the signature itself, then the digests of its manifest, which no XML signature
 * library can follow because documents are named `urn:oid:…`.
 *
 * @see IHE ITI TF-3 5.5 (DSG) · XML Signature 1.0 §2.3, §5.1 (Manifest)
 */
import type { X509Certificate } from 'node:crypto';
import type { Element } from '@xmldom/xmldom';
import { DrimboxError } from '../errors.ts';
import { signatureIds, submissionSetDigest } from './document-signature.ts';
import { hashOfDigest } from './signature-algorithms.ts';
import { type SignatureTrust, trustedCertificate } from './signing-identity.ts';
import { allElements, childNamed, childrenNamed, parseXml, rootElement, textOf } from './xml-document.ts';
import {
  canonicalize,
  checkDigest,
  checkUniqueId,
  digestBase64,
  inclusiveC14n,
  isCanonicalization,
  onlySignature,
  readKeyInfoCertificate,
  readReference,
  type SignatureReference,
  verifySignedInfo,
  xmlDsigNamespace,
} from './xml-signature.ts';

const maxSignatureBytes = 1024 * 1024;

const invalid = (detail: string): DrimboxError => new DrimboxError('dmp/signature-invalid', { detail });

/** What a verified signature document says. */
export interface VerifiedDocumentSignature {
  /** As written: xs:dateTime. */
  readonly signingTime: string;
  /** OIDs whose bytes were given and match. */
  readonly verifiedDocuments: readonly string[];
  /** OIDs named with the constant digest `AA==`: the submission set. */
  readonly submissionSets: readonly string[];
  /** OIDs named but not given: nothing is known of them. */
  readonly uncheckedDocuments: readonly string[];
}

const isXades = (namespace: string | null): namespace is string =>
  namespace !== null && /^http:\/\/uri\.etsi\.org\/01903\/v1\.[1-4]\.[0-9]#$/.test(namespace);

/** The one child of the one Object that holds such an element: nowhere else can a signed part stand. */
const onlyObjectChild = (signature: Element, matches: (child: Element) => boolean): Element => {
  const found = childrenNamed(signature, xmlDsigNamespace, 'Object')
    .flatMap((object) => allElements(object).filter((node) => node.parentNode === object))
    .filter(matches);
  const [only] = found;
  if (only === undefined || found.length > 1) throw invalid(`${found.length} signed parts of a kind instead of one`);
  return only;
};

const checkReference = (
  references: readonly SignatureReference[],
  node: Element,
  expected: { readonly id: string; readonly type: string },
): void => {
  const found = references.filter((reference) => reference.uri === `#${expected.id}`);
  const [reference] = found;
  if (reference === undefined || found.length > 1 || reference.type !== expected.type) {
    throw invalid('a signed part is not referenced as it must be');
  }
  if (node.getAttribute('Id') !== expected.id) throw invalid('a reference is about another element');
  const [algorithm = inclusiveC14n, ...more] = reference.transforms;
  if (more.length > 0 || !isCanonicalization(algorithm)) throw invalid('transform not accepted');
  checkDigest(canonicalize(node, algorithm), reference);
};

/** XAdES: the certificate that verified is the one the signer declared. */
const checkSigningCertificate = (signedProperties: Element, certificate: X509Certificate): void => {
  const namespace = signedProperties.namespaceURI ?? '';
  const certs = allElements(signedProperties).filter(
    (node) => node.namespaceURI === namespace && node.localName === 'CertDigest',
  );
  const isSame = (digest: Element): boolean => {
    const child = (name: string): Element | undefined =>
      childNamed(digest, namespace, name) ?? childNamed(digest, xmlDsigNamespace, name);
    const hash = hashOfDigest(child('DigestMethod')?.getAttribute('Algorithm') ?? '');
    return hash !== undefined && digestBase64(certificate.raw, hash) === textOf(child('DigestValue'));
  };
  if (!certs.some(isSame)) throw invalid('the certificate is not the one the signer declared');
};

const documentBytes = (reference: SignatureReference, bytes: Uint8Array): string | Uint8Array => {
  const [transform, ...more] = reference.transforms;
  if (transform === undefined) return bytes;
  if (more.length > 0 || !isCanonicalization(transform)) throw invalid('transform not accepted');
  const code = 'dmp/signature-invalid';
  return canonicalize(rootElement(parseXml(bytes, code, { maxBytes: 50 * 1024 * 1024 }), code), transform);
};

const checkManifest = (
  manifest: Element,
  documents: ReadonlyMap<string, Uint8Array>,
): Omit<VerifiedDocumentSignature, 'signingTime'> => {
  const verified: string[] = [];
  const submissionSets: string[] = [];
  const unchecked: string[] = [];
  for (const reference of childrenNamed(manifest, xmlDsigNamespace, 'Reference').map(readReference)) {
    const oid = /^urn:oid:([0-9.]+)$/.exec(reference.uri)?.[1];
    if (oid === undefined) throw invalid('a manifest reference is not urn:oid');
    const bytes = documents.get(oid);
    if (bytes !== undefined) {
      checkDigest(documentBytes(reference, bytes), reference);
      verified.push(oid);
    } else if (reference.digestValue === submissionSetDigest) submissionSets.push(oid);
    else unchecked.push(oid);
  }
  if ([...documents.keys()].some((oid) => !verified.includes(oid))) throw invalid('a document is not in the manifest');
  return { verifiedDocuments: verified, submissionSets, uncheckedDocuments: unchecked };
};

/**
 * @param source     the signature document
 * @param documents  OID → raw bytes; every one must be in the manifest and match
 * @param trust      the signer's certificate, or the authorities that must have issued the one in KeyInfo
 * @throws dmp/signature-invalid, dmp/certificate-unreadable
 */
export const verifyDocumentSignature = (
  source: Uint8Array | string,
  documents: ReadonlyMap<string, Uint8Array>,
  trust: SignatureTrust,
): VerifiedDocumentSignature => {
  const root = rootElement(
    parseXml(source, 'dmp/signature-invalid', { maxBytes: maxSignatureBytes }),
    'dmp/signature-invalid',
  );
  const signature = onlySignature(root);
  if (signature !== root) throw invalid('the root is not a signature');
  const certificate = trustedCertificate(trust, readKeyInfoCertificate(signature));
  const references = verifySignedInfo(signature, certificate);
  if (references.length !== 2) throw invalid(`${references.length} references instead of two`);

  const manifest = onlyObjectChild(signature, (child) => isManifest(child));
  const qualifying = onlyObjectChild(
    signature,
    (child) => child.localName === 'QualifyingProperties' && isXades(child.namespaceURI),
  );
  const xades = qualifying.namespaceURI ?? '';
  const signedProperties = childrenNamed(qualifying, xades, 'SignedProperties');
  const [properties] = signedProperties;
  if (properties === undefined || signedProperties.length > 1) throw invalid('SignedProperties missing');
  if (qualifying.getAttribute('Target') !== `#${root.getAttribute('Id')}`)
    throw invalid('properties of another signature');

  checkUniqueId(root, signatureIds.manifest);
  checkUniqueId(root, properties.getAttribute('Id') ?? '');
  checkReference(references, manifest, { id: signatureIds.manifest, type: `${xmlDsigNamespace}Manifest` });
  checkReference(references, properties, {
    id: properties.getAttribute('Id') ?? '',
    type: `${xades}SignedProperties`,
  });
  checkSigningCertificate(properties, certificate);
  const signingTime = textOf(
    allElements(properties).find((node) => node.namespaceURI === xades && node.localName === 'SigningTime'),
  );
  return { signingTime, ...checkManifest(manifest, documents) };
};

const isManifest = (child: Element): boolean =>
  child.namespaceURI === xmlDsigNamespace && child.localName === 'Manifest';
