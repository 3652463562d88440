/**
 * XML signature, verified with libxml2's canonical form and Node's RSA: no code shared with those who sign.
 *
 * @see W3C XMLDSig · Canonical XML 1.0 · Exclusive XML Canonicalization 1.0
 */
import { createHash, verify, type X509Certificate } from 'node:crypto';
import { XmlC14NMode } from 'libxml2-wasm';
import { parseCertificateText } from './certificate-chain.ts';
import {
  attributeOf,
  childrenNamed,
  descendantsNamed,
  elementsIdentified,
  namespaces,
  onlyChild,
  type XmlNode,
} from './xml-tree.ts';

const ds = namespaces.signature;

/** What the verification found wrong, in the order it looked. */
export type SignatureFault = 'form' | 'algorithm' | 'certificate' | 'reference' | 'digest' | 'value';

export class SignatureRefused extends Error {
  override readonly name = 'SignatureRefused';
  readonly fault: SignatureFault;
  constructor(fault: SignatureFault, text: string) {
    super(text);
    this.fault = fault;
  }
}

const inclusive10 = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';

const canonicalizations: Readonly<Record<string, { readonly mode: 0 | 1; readonly withComments: boolean }>> = {
  [inclusive10]: { mode: XmlC14NMode.XML_C14N_1_0, withComments: false },
  [`${inclusive10}#WithComments`]: { mode: XmlC14NMode.XML_C14N_1_0, withComments: true },
  [exclusive]: { mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0, withComments: false },
  [`${exclusive}WithComments`]: { mode: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0, withComments: true },
};

/** facts/identity.md 4.5: samples rsa-sha1, newer code rsa-sha256 */
const signatureMethods: Readonly<Record<string, string>> = {
  'http://www.w3.org/2000/09/xmldsig#rsa-sha1': 'RSA-SHA1',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256': 'RSA-SHA256',
};
const digestMethods: Readonly<Record<string, string>> = {
  'http://www.w3.org/2000/09/xmldsig#sha1': 'sha1',
  'http://www.w3.org/2001/04/xmlenc#sha256': 'sha256',
};

const canonical = (node: XmlNode, algorithm: string): string => {
  const form = canonicalizations[algorithm];
  if (form === undefined) throw new SignatureRefused('algorithm', 'canonicalization algorithm not accepted');
  return node.source.canonicalizeToString(form);
};

/** Base64 digest by the algorithm that the DigestMethod of `holder` names; `namespace` is that of DigestMethod and DigestValue. */
export const digestOf = (holder: XmlNode, bytes: string | Uint8Array, namespace: string = ds): string => {
  const algorithm = digestMethods[attributeOf(onlyChild(holder, namespace, 'DigestMethod'), 'Algorithm')];
  if (algorithm === undefined) throw new SignatureRefused('algorithm', 'digest algorithm not accepted');
  return createHash(algorithm).update(bytes).digest('base64');
};

export const statedDigest = (holder: XmlNode, namespace: string = ds): string =>
  onlyChild(holder, namespace, 'DigestValue')?.text.replaceAll(/\s+/g, '') ?? '';

export interface SignatureParts {
  readonly signature: XmlNode;
  readonly signedInfo: XmlNode;
  readonly references: readonly XmlNode[];
  readonly certificate: X509Certificate;
}

/** @throws SignatureRefused form, certificate */
export const readSignature = (signature: XmlNode): SignatureParts => {
  const signedInfo = onlyChild(signature, ds, 'SignedInfo');
  const value = onlyChild(signature, ds, 'SignatureValue');
  if (signedInfo === undefined || value === undefined)
    throw new SignatureRefused('form', 'SignedInfo or SignatureValue missing');
  const x509 = onlyChild(onlyChild(signature, ds, 'KeyInfo'), ds, 'X509Data');
  const certificates = x509 === undefined ? [] : childrenNamed(x509, ds, 'X509Certificate');
  const certificate = certificates.length === 1 ? parseCertificateText(certificates[0]?.text ?? '') : undefined;
  if (certificate === undefined)
    throw new SignatureRefused('certificate', 'KeyInfo does not hold one X.509 certificate');
  return { signature, signedInfo, references: childrenNamed(signedInfo, ds, 'Reference'), certificate };
};

/** The signature value over SignedInfo. @throws SignatureRefused algorithm, value */
export const verifySignedInfo = (parts: SignatureParts): void => {
  const method = signatureMethods[attributeOf(onlyChild(parts.signedInfo, ds, 'SignatureMethod'), 'Algorithm')];
  if (method === undefined) throw new SignatureRefused('algorithm', 'signature algorithm not accepted');
  const algorithm = attributeOf(onlyChild(parts.signedInfo, ds, 'CanonicalizationMethod'), 'Algorithm');
  const bytes = Buffer.from(canonical(parts.signedInfo, algorithm));
  const value = Buffer.from(onlyChild(parts.signature, ds, 'SignatureValue')?.text ?? '', 'base64');
  if (!verify(method, bytes, parts.certificate.publicKey, value))
    throw new SignatureRefused('value', 'SignatureValue does not verify');
};

const transformsOf = (reference: XmlNode): string[] => {
  const transforms = onlyChild(reference, ds, 'Transforms');
  return transforms === undefined
    ? []
    : childrenNamed(transforms, ds, 'Transform').map((each) => attributeOf(each, 'Algorithm'));
};

/**
 * A reference by fragment to one element of the same document.
 *
 * @returns the element that is really signed
 * @throws SignatureRefused reference, digest
 */
export const verifyFragment = (root: XmlNode, reference: XmlNode, expectedTransforms: readonly string[]): XmlNode => {
  const uri = attributeOf(reference, 'URI');
  const targets = uri.startsWith('#') ? elementsIdentified(root, uri.slice(1)) : [];
  const target = targets[0];
  if (target === undefined || targets.length > 1)
    throw new SignatureRefused('reference', 'reference to no element or to several');
  if (transformsOf(reference).join(' ') !== expectedTransforms.join(' ')) {
    throw new SignatureRefused('reference', 'transforms are not the expected ones');
  }
  const algorithm = expectedTransforms.at(-1) ?? inclusive10;
  if (digestOf(reference, canonical(target, algorithm)) !== statedDigest(reference)) {
    throw new SignatureRefused('digest', 'a reference digest does not match');
  }
  return target;
};

const enveloped = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';

/**
 * The enveloped signature of a SAML assertion. The Signature element is taken out of the libxml2 document to compute the digest:
 * the plain objects stay as they were.
 *
 * @throws SignatureRefused
 */
export const verifyEnveloped = (root: XmlNode, element: XmlNode): X509Certificate => {
  const [signature, ...others] = descendantsNamed(element, ds, 'Signature');
  if (signature === undefined || others.length > 0 || !element.children.includes(signature)) {
    throw new SignatureRefused('form', 'the assertion must hold exactly one Signature, as its child');
  }
  const parts = readSignature(signature);
  const [reference, ...more] = parts.references;
  if (reference === undefined || more.length > 0)
    throw new SignatureRefused('reference', 'exactly one Reference is wanted');
  if (attributeOf(reference, 'URI') !== `#${attributeOf(element, 'ID')}`) {
    throw new SignatureRefused('reference', 'the signature is not over the assertion');
  }
  verifySignedInfo(parts);
  signature.source.remove();
  verifyFragment(root, reference, [enveloped, exclusive]);
  return parts.certificate;
};
