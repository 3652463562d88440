/**
 * XML signatures: canonical form, digest, SignedInfo, and the check of one signature.
 *
 * Canonicalization is xml-crypto's; what is signed and where it stands is decided here, node by node, so that nothing is
 * ever looked up by an id that a forger could repeat (signature wrapping).
 *
 * @see XML Signature 1.0 §3, §4 · Canonical XML 1.0 · Exclusive Canonicalization 1.0
 */
import { createHash, sign, verify, type X509Certificate } from 'node:crypto';
import type { Element } from '@xmldom/xmldom';
import {
  C14nCanonicalization,
  C14nCanonicalizationWithComments,
  ExclusiveCanonicalization,
  ExclusiveCanonicalizationWithComments,
} from 'xml-crypto';
import { DrimboxError } from '../errors.ts';
import { hashOfDigest, hashOfSignature, type SignatureAlgorithm } from './signature-algorithms.ts';
import { element, textElement } from './xml-text.ts';
import { allElements, childNamed, childrenNamed, parseXml, rootElement, textOf } from './xml-document.ts';

export const xmlDsigNamespace = 'http://www.w3.org/2000/09/xmldsig#';
export const envelopedSignature = `${xmlDsigNamespace}enveloped-signature`;
export const exclusiveC14n = 'http://www.w3.org/2001/10/xml-exc-c14n#';
export const c14nWithComments = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments';
export const inclusiveC14n = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';

const canonicalizers: Readonly<Record<string, () => { process(node: never, options: never): unknown }>> = {
  [inclusiveC14n]: () => new C14nCanonicalization(),
  [c14nWithComments]: () => new C14nCanonicalizationWithComments(),
  [exclusiveC14n]: () => new ExclusiveCanonicalization(),
  [`${exclusiveC14n}WithComments`]: () => new ExclusiveCanonicalizationWithComments(),
};

export const isCanonicalization = (uri: string): boolean => Object.hasOwn(canonicalizers, uri);

const invalid = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('dmp/signature-invalid', { detail, ...(cause === undefined ? {} : { cause }) });

/** Namespaces in scope at a node from its ancestors: inclusive canonical form writes them on the apex. */
const ancestorNamespaces = (node: Element): { prefix: string; namespaceURI: string }[] => {
  const found = new Map<string, string>();
  for (let parent = node.parentNode; parent !== null; parent = parent.parentNode) {
    if (parent.nodeType !== parent.ELEMENT_NODE) continue;
    for (const attribute of (parent as Element).attributes) {
      const prefix =
        attribute.name === 'xmlns' ? '' : attribute.prefix === 'xmlns' ? (attribute.localName ?? '') : undefined;
      if (prefix !== undefined && !found.has(prefix)) found.set(prefix, attribute.value);
    }
  }
  return [...found].filter(([, uri]) => uri !== '').map(([prefix, namespaceURI]) => ({ prefix, namespaceURI }));
};

/** Canonical form of an element and what is under it. @throws dmp/signature-invalid — an algorithm we do not accept */
export const canonicalize = (node: Element, algorithm: string): string => {
  const make = canonicalizers[algorithm];
  if (make === undefined) throw invalid('canonicalization not accepted');
  const isInclusive = algorithm === inclusiveC14n || algorithm === c14nWithComments;
  const inherited = isInclusive ? ancestorNamespaces(node) : [];
  // An apex without prefix writes the default namespace by itself; told twice, xml-crypto would write it twice.
  const options = { ancestorNamespaces: inherited.filter((entry) => entry.prefix !== '' || Boolean(node.prefix)) };
  try {
    return String(make().process(node as never, options as never));
  } catch (cause) {
    throw invalid('cannot be canonicalized', cause);
  }
};

export const digestBase64 = (content: string | Uint8Array, hash: SignatureAlgorithm['hash']): string =>
  createHash(hash).update(content).digest('base64');

/** @returns the SignedInfo element as text; `references` are Reference elements as text */
export const buildSignedInfo = (
  prefix: '' | 'ds:',
  canonicalization: string,
  algorithm: SignatureAlgorithm,
  references: readonly string[],
): string =>
  element(
    `${prefix}SignedInfo`,
    {},
    element(`${prefix}CanonicalizationMethod`, { Algorithm: canonicalization }),
    element(`${prefix}SignatureMethod`, { Algorithm: algorithm.signatureUri }),
    ...references,
  );

/** @param transforms  URIs, in order; none means no Transforms element */
export const buildReference = (
  prefix: '' | 'ds:',
  attributes: { readonly Type?: string; readonly URI: string },
  transforms: readonly string[],
  digestUri: string,
  digestValue: string,
): string =>
  element(
    `${prefix}Reference`,
    attributes,
    ...(transforms.length === 0
      ? []
      : [
          element(
            `${prefix}Transforms`,
            {},
            ...transforms.map((uri) => element(`${prefix}Transform`, { Algorithm: uri })),
          ),
        ]),
    element(`${prefix}DigestMethod`, { Algorithm: digestUri }),
    textElement(`${prefix}DigestValue`, digestValue),
  );

/** Parses our own XML, to canonicalize it. */
export const parseOwnXml = (xml: string): Element =>
  rootElement(parseXml(xml, 'general/internal', { maxBytes: Number.MAX_SAFE_INTEGER }), 'general/internal');

export const signCanonical = (canonical: string, algorithm: SignatureAlgorithm, privateKeyPem: string): string =>
  sign(algorithm.hash, Buffer.from(canonical, 'utf8'), privateKeyPem).toString('base64');

/** A Reference as read; the caller decides which node it must be about. */
export interface SignatureReference {
  readonly uri: string;
  readonly type: string;
  readonly transforms: readonly string[];
  readonly hash: SignatureAlgorithm['hash'];
  readonly digestValue: string;
}

export const readReference = (reference: Element): SignatureReference => {
  const hash = hashOfDigest(childNamed(reference, xmlDsigNamespace, 'DigestMethod')?.getAttribute('Algorithm') ?? '');
  if (hash === undefined) throw invalid('digest method not accepted');
  const transforms = childNamed(reference, xmlDsigNamespace, 'Transforms');
  return {
    uri: reference.getAttribute('URI') ?? '',
    type: reference.getAttribute('Type') ?? '',
    transforms:
      transforms === undefined
        ? []
        : childrenNamed(transforms, xmlDsigNamespace, 'Transform').map(
            (child) => child.getAttribute('Algorithm') ?? '',
          ),
    hash,
    digestValue: textOf(childNamed(reference, xmlDsigNamespace, 'DigestValue')).replace(/\s/g, ''),
  };
};

/** The only ds:Signature of the document. @throws dmp/signature-invalid — none, or several */
export const onlySignature = (root: Element): Element => {
  const found = allElements(root).filter(
    (node) => node.namespaceURI === xmlDsigNamespace && node.localName === 'Signature',
  );
  const [signature] = found;
  if (signature === undefined || found.length > 1) throw invalid(`${found.length} signatures instead of one`);
  return signature;
};

/** @throws dmp/signature-invalid — the id stands on no element or on several, whatever the attribute is called */
export const checkUniqueId = (root: Element, id: string): void => {
  const holders = allElements(root).filter((node) =>
    [...node.attributes].some((attribute) => /^id$/i.test(attribute.localName ?? '') && attribute.value === id),
  );
  if (id === '' || holders.length !== 1) throw invalid(`${holders.length} elements carry the signed id`);
};

/**
 * Checks the signature value over SignedInfo with a certificate that the caller trusts, and gives the references.
 * KeyInfo is not looked at. The caller checks each reference against the node it must be about.
 *
 * @throws dmp/signature-invalid
 */
export const verifySignedInfo = (signature: Element, certificate: X509Certificate): SignatureReference[] => {
  const signedInfos = childrenNamed(signature, xmlDsigNamespace, 'SignedInfo');
  const values = childrenNamed(signature, xmlDsigNamespace, 'SignatureValue');
  const [signedInfo] = signedInfos;
  if (signedInfo === undefined || signedInfos.length !== 1 || values.length !== 1) throw invalid('SignedInfo missing');
  const method = (name: string): string =>
    childNamed(signedInfo, xmlDsigNamespace, name)?.getAttribute('Algorithm') ?? '';
  const hash = hashOfSignature(method('SignatureMethod'));
  if (hash === undefined) throw invalid('signature method not accepted');
  const canonical = canonicalize(signedInfo, method('CanonicalizationMethod'));
  const value = Buffer.from(textOf(values[0]).replace(/\s/g, ''), 'base64');
  const key = certificate.publicKey;
  if (key.asymmetricKeyType !== 'rsa' || !verify(hash, Buffer.from(canonical, 'utf8'), key, value)) {
    throw invalid('signature value does not match');
  }
  return childrenNamed(signedInfo, xmlDsigNamespace, 'Reference').map(readReference);
};

/** @throws dmp/signature-invalid — the content is not what was signed */
export const checkDigest = (content: string | Uint8Array, reference: SignatureReference): void => {
  if (digestBase64(content, reference.hash) !== reference.digestValue) throw invalid('digest does not match');
};

/** Base64 of the first certificate of KeyInfo, or empty. Says who claims to have signed; proves nothing. */
export const readKeyInfoCertificate = (signature: Element): string => {
  const keyInfo = childNamed(signature, xmlDsigNamespace, 'KeyInfo');
  const x509 = keyInfo === undefined ? undefined : childNamed(keyInfo, xmlDsigNamespace, 'X509Data');
  return x509 === undefined ? '' : textOf(childNamed(x509, xmlDsigNamespace, 'X509Certificate')).replace(/\s/g, '');
};
