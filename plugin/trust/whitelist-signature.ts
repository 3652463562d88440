/**
 * Checks the XAdES signature of a whitelist and gives back what was signed, as canonical text: whoever reads the list
 * reads that text, never the file it came in (signature wrapping).
 *
 * Both shapes that ANS publishes are accepted: XPath Filter 2.0 with SigningCertificateV2, and enveloped signature with
 * SigningCertificate. Who the signer is, is not decided here.
 *
 * @see XML Signature 1.0 §3.2 (core validation) · XML Signature Best Practices · facts/identity.md 5.4
 */
import { X509Certificate } from 'node:crypto';
import type { Element } from '@xmldom/xmldom';
import { ExclusiveCanonicalization } from 'xml-crypto';
import { DrimboxError } from '../errors.ts';
import { onlyChild, readSignedInfo, type SignedDigest } from './signed-references.ts';
import { checkSignatureValue, digestBase64 } from './whitelist-algorithms.ts';
import { allElements, childElements, childrenNamed, isElement, parseXml, textOf } from './xml-document.ts';
import { xmlDsigNamespace } from './xml-filter-2.ts';

const maxCertificates = 10;

/** What a whitelist's signature holds together. */
export interface SignedWhitelist {
  /** The document without its signature, in exclusive canonical form: exactly the bytes that were signed. */
  readonly content: string;
  /** The certificate whose key signed and which the signer declared; not yet trusted. */
  readonly certificate: X509Certificate;
  /** As the signer says, ms UTC. */
  readonly signedAtUtcMs?: number;
}

const shape = (detail: string): DrimboxError => new DrimboxError('trust/whitelist-signature-shape', { detail });
const differs = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('trust/whitelist-signature-invalid', { detail, ...(cause === undefined ? {} : { cause }) });
const refused = (detail: string): DrimboxError => new DrimboxError('trust/whitelist-algorithm-refused', { detail });

const canonicalize = (node: Element): string => {
  try {
    return new ExclusiveCanonicalization().process(node, {});
  } catch (cause) {
    throw differs('cannot be canonicalized', cause);
  }
};

const checkDigest = (content: string, { methodUri, value }: SignedDigest, what: string): void => {
  const computed = digestBase64(methodUri, content);
  if (computed === undefined) throw refused(`digest of ${what}`);
  if (computed !== value) throw differs(`${what} is not what was signed`);
};

const onlySignature = (root: Element): Element => {
  const found = allElements(root).filter((node) => isElement(node, xmlDsigNamespace, 'Signature'));
  const [signature] = found;
  if (signature === undefined) throw new DrimboxError('trust/whitelist-unsigned', { detail: 'no signature' });
  if (found.length > 1) throw shape(`${found.length} signatures instead of one`);
  if (signature.parentNode !== root) throw shape('the signature is not a child of the root');
  return signature;
};

const isXades = (namespace: string | null): namespace is string =>
  namespace !== null && /^http:\/\/uri\.etsi\.org\/01903\/v1\.[1-4]\.[0-9]#$/.test(namespace);

/** SignedProperties where XAdES puts them, and no other element of that id. */
const findSignedProperties = (root: Element, signature: Element, id: string): Element => {
  const [qualifying, ...others] = childElements(onlyChild(signature, 'Object'));
  const namespace = qualifying?.namespaceURI ?? null;
  if (qualifying === undefined || others.length > 0 || !isXades(namespace)) throw shape('no qualifying properties');
  if (qualifying.localName !== 'QualifyingProperties') throw shape('no qualifying properties');
  if (qualifying.getAttribute('Target') !== `#${signature.getAttribute('Id')}`) {
    throw shape('properties of another signature');
  }
  const properties = onlyChild(qualifying, 'SignedProperties', namespace);
  const holders = allElements(root).filter((node) =>
    [...node.attributes].some((attribute) => /^id$/i.test(attribute.localName ?? '') && attribute.value === id),
  );
  if (holders.length !== 1 || properties.getAttribute('Id') !== id) throw shape('the signed id is not unique');
  return properties;
};

const readCertificates = (signature: Element): X509Certificate[] => {
  const texts = childrenNamed(onlyChild(signature, 'KeyInfo'), xmlDsigNamespace, 'X509Data')
    .flatMap((x509) => childrenNamed(x509, xmlDsigNamespace, 'X509Certificate'))
    .map((node) => textOf(node).replaceAll(/\s/g, ''));
  if (texts.length === 0 || texts.length > maxCertificates) throw shape(`${texts.length} certificates in KeyInfo`);
  try {
    return texts.map((text) => new X509Certificate(Buffer.from(text, 'base64')));
  } catch (cause) {
    throw new DrimboxError('trust/whitelist-signature-shape', { detail: 'unreadable certificate in KeyInfo', cause });
  }
};

interface DeclaredProperties {
  readonly certificateDigest: SignedDigest;
  readonly signedAtUtcMs?: number;
}

/** SigningCertificate or SigningCertificateV2: the first certificate named there is the signer's (ETSI EN 319 132-1 §5.2.2). */
const readProperties = (canonical: string): DeclaredProperties => {
  const root = parseXml(canonical);
  const xades = root.namespaceURI ?? '';
  const signatureProperties = onlyChild(root, 'SignedSignatureProperties', xades);
  const declared = ['SigningCertificate', 'SigningCertificateV2'].flatMap((name) =>
    childrenNamed(signatureProperties, xades, name),
  );
  const [certificates] = declared;
  const [certificate] = certificates === undefined ? [] : childrenNamed(certificates, xades, 'Cert');
  if (declared.length !== 1 || certificate === undefined) throw shape('not exactly one signing certificate declared');
  const digest = onlyChild(certificate, 'CertDigest', xades);
  const signedAtUtcMs = Date.parse(textOf(childrenNamed(signatureProperties, xades, 'SigningTime')[0]));
  return {
    certificateDigest: {
      methodUri: onlyChild(digest, 'DigestMethod').getAttribute('Algorithm') ?? '',
      value: textOf(onlyChild(digest, 'DigestValue')).replaceAll(/\s/g, ''),
    },
    ...(Number.isNaN(signedAtUtcMs) ? {} : { signedAtUtcMs }),
  };
};

/** The one of KeyInfo that the signer declared. */
const declaredCertificate = (
  certificates: readonly X509Certificate[],
  { methodUri, value }: SignedDigest,
): X509Certificate => {
  const found = certificates.find((certificate) => {
    const digest = digestBase64(methodUri, certificate.raw);
    if (digest === undefined) throw refused('digest of the signing certificate');
    return digest === value;
  });
  if (found === undefined) throw differs('no certificate in KeyInfo is the one the signer declared');
  return found;
};

const checkValue = (signature: Element, signedInfo: string, methodUri: string, certificate: X509Certificate): void => {
  const value = Buffer.from(textOf(onlyChild(signature, 'SignatureValue')).replaceAll(/\s/g, ''), 'base64');
  const { kind } = checkSignatureValue(methodUri, certificate.publicKey, signedInfo, value);
  if (kind === 'refused') throw refused('signature method or key');
  if (kind === 'differs') throw differs('the signature value does not match');
};

/**
 * @param source  the file as received
 * @throws trust/whitelist-malformed, trust/whitelist-unsigned, trust/whitelist-signature-shape,
 *         trust/whitelist-algorithm-refused, trust/whitelist-signature-invalid
 */
export const verifyWhitelistSignature = (source: Uint8Array): SignedWhitelist => {
  const root = parseXml(source);
  const signature = onlySignature(root);
  const signedInfoElement = onlyChild(signature, 'SignedInfo');
  // The element as it stands, so that no namespace around it gives its XPath another meaning; then only what is signed.
  readSignedInfo(signedInfoElement);
  const signedInfoText = canonicalize(signedInfoElement);
  const signedInfo = readSignedInfo(parseXml(signedInfoText));

  const propertiesText = canonicalize(findSignedProperties(root, signature, signedInfo.properties.id));
  const { certificateDigest, ...declared } = readProperties(propertiesText);
  const certificate = declaredCertificate(readCertificates(signature), certificateDigest);
  checkValue(signature, signedInfoText, signedInfo.signatureMethodUri, certificate);
  checkDigest(propertiesText, signedInfo.properties, 'what the signer declared');

  root.removeChild(signature);
  const content = canonicalize(root);
  checkDigest(content, signedInfo.document, 'the list');
  return { content, certificate, ...declared };
};
