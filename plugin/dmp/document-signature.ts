/**
 * The signature document of a submission (IHE DSG): signs a manifest that names each document by OID and digest.
 *
 * The submission set is named with the constant digest `AA==`, as the national samples do: it has no bytes of its own.
 *
 * @see IHE ITI TF-3 5.5 (DSG) · XAdES 1.1.1 · facts/poc.md 3.9 · decision C6
 */
import type { Element } from '@xmldom/xmldom';
import {
  certificateBase64,
  formatDistinguishedName,
  parseCertificate,
  serialNumberDecimal,
  type SigningIdentity,
} from './signing-identity.ts';
import { type SignatureAlgorithm, type SignatureAlgorithmName, signatureAlgorithms } from './signature-algorithms.ts';
import { allElements } from './xml-document.ts';
import {
  buildReference,
  buildSignedInfo,
  c14nWithComments,
  canonicalize,
  digestBase64,
  inclusiveC14n,
  parseOwnXml,
  signCanonical,
  xmlDsigNamespace,
} from './xml-signature.ts';
import { element, textElement } from './xml-text.ts';

export const purposeOfSignature = '1.2.840.10065.1.12.1.14';
export const submissionSetDigest = 'AA==';
export const signatureIds = { manifest: 'IHEManifest', signedProperties: 'S0-SignedProperties' } as const;

export interface DocumentSignatureOptions {
  readonly algorithm: SignatureAlgorithmName;
  readonly xadesNamespace: string;
  /** Between the parts of the issuer's name: `, ` in the publication sample. */
  readonly nameSeparator: string;
}

export interface SignedDocuments {
  /** uniqueId of the signature document: also the Id of the Signature, as in the publication sample. */
  readonly uniqueId: string;
  readonly submissionSetUniqueId: string;
  readonly documents: readonly { readonly uniqueId: string; readonly bytes: Uint8Array }[];
  readonly signedAtUtcMs: number;
}

const buildManifest = (content: SignedDocuments, algorithm: SignatureAlgorithm): string =>
  element(
    'Manifest',
    { Id: signatureIds.manifest },
    buildReference(
      '',
      { URI: `urn:oid:${content.submissionSetUniqueId}` },
      [],
      algorithm.digestUri,
      submissionSetDigest,
    ),
    ...content.documents.map(({ uniqueId, bytes }) =>
      buildReference('', { URI: `urn:oid:${uniqueId}` }, [], algorithm.digestUri, digestBase64(bytes, algorithm.hash)),
    ),
  );

const buildQualifyingProperties = (
  content: SignedDocuments,
  signing: SigningIdentity,
  algorithm: SignatureAlgorithm,
  options: DocumentSignatureOptions,
): string => {
  const certificate = parseCertificate(signing.certificatePem);
  const issuer = formatDistinguishedName(certificate.issuer, options.nameSeparator);
  return element(
    'QualifyingProperties',
    { xmlns: options.xadesNamespace, Target: `#${content.uniqueId}` },
    element(
      'SignedProperties',
      { Id: signatureIds.signedProperties },
      element(
        'SignedSignatureProperties',
        {},
        textElement('SigningTime', new Date(content.signedAtUtcMs).toISOString()),
        element(
          'SigningCertificate',
          {},
          element(
            'Cert',
            {},
            element(
              'CertDigest',
              {},
              element('DigestMethod', { Algorithm: algorithm.digestUri }),
              textElement('DigestValue', digestBase64(certificate.raw, algorithm.hash)),
            ),
            element(
              'IssuerSerial',
              {},
              textElement('X509IssuerName', issuer, { xmlns: xmlDsigNamespace }),
              textElement('X509SerialNumber', serialNumberDecimal(certificate), { xmlns: xmlDsigNamespace }),
            ),
          ),
        ),
        element('SignaturePolicyIdentifier', {}, element('SignaturePolicyImplied')),
      ),
      element('SignedDataObjectProperties'),
    ),
  );
};

const elementWithId = (root: Element, id: string): Element =>
  allElements(root).find((node) => node.getAttribute('Id') === id) as Element;

/**
 * @returns the signature document, UTF-8, with its XML declaration: these bytes are what is hashed and sent
 * @throws dmp/certificate-unreadable, dmp/value-invalid
 */
export const buildDocumentSignature = (
  content: SignedDocuments,
  signing: SigningIdentity,
  options: DocumentSignatureOptions,
): Uint8Array => {
  const algorithm: SignatureAlgorithm = signatureAlgorithms[options.algorithm];
  const objects = [
    element(
      'SignatureProperties',
      {},
      textElement('SignatureProperty', purposeOfSignature, {
        Id: 'purposeOfSignature',
        Target: `#${content.uniqueId}`,
      }),
    ),
    buildManifest(content, algorithm),
    buildQualifyingProperties(content, signing, algorithm, options),
  ].map((child) => element('Object', {}, child));
  const signatureElement = (...parts: string[]): string =>
    element('Signature', { xmlns: xmlDsigNamespace, Id: content.uniqueId }, ...parts, ...objects);

  // Canonical forms depend on the namespaces around: they are taken where the parts will stand.
  const draft = parseOwnXml(signatureElement());
  // A Reference without Transforms is canonicalized without comments (XML Signature 1.0 §4.4.3.2).
  const reference = (Type: string, id: string): string =>
    buildReference(
      '',
      { Type, URI: `#${id}` },
      [],
      algorithm.digestUri,
      digestBase64(canonicalize(elementWithId(draft, id), inclusiveC14n), algorithm.hash),
    );
  const signedInfo = buildSignedInfo('', c14nWithComments, algorithm, [
    reference(`${xmlDsigNamespace}Manifest`, signatureIds.manifest),
    reference(`${options.xadesNamespace}SignedProperties`, signatureIds.signedProperties),
  ]);
  const toSign = canonicalize(firstChild(parseOwnXml(signatureElement(signedInfo))), c14nWithComments);
  const xml = signatureElement(
    signedInfo,
    textElement('SignatureValue', signCanonical(toSign, algorithm, signing.privateKeyPem)),
    element(
      'KeyInfo',
      {},
      element(
        'X509Data',
        {},
        textElement('X509Certificate', certificateBase64(parseCertificate(signing.certificatePem))),
      ),
    ),
  );
  return Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}`, 'utf8');
};

const firstChild = (root: Element): Element => root.firstChild as Element;
