/**
 * What SignedInfo of a whitelist says, in the one form that is accepted: one reference to the document without its
 * signature, one to the signed properties.
 *
 * @see XML Signature 1.0 §4.3 · ETSI EN 319 132-1 §4.2 (XAdES baseline B) · facts/identity.md 5.4
 */
import type { Element } from '@xmldom/xmldom';
import { DrimboxError } from '../errors.ts';
import { childElements, childrenNamed, isElement, textOf } from './xml-document.ts';
import { exclusiveC14n, isCanonicalOnly, isDocumentWithoutSignature, xmlDsigNamespace } from './xml-filter-2.ts';

/** `…/01903#SignedProperties`, or with the version of XAdES in it. */
const signedPropertiesType = /^http:\/\/uri\.etsi\.org\/01903(\/v1\.[1-4]\.[0-9])?#SignedProperties$/;
const maxReferences = 2;

export interface SignedDigest {
  readonly methodUri: string;
  /** Base64. */
  readonly value: string;
}

export interface SignedInfo {
  readonly signatureMethodUri: string;
  readonly document: SignedDigest;
  readonly properties: SignedDigest & { readonly id: string };
}

const shape = (detail: string): DrimboxError => new DrimboxError('trust/whitelist-signature-shape', { detail });

/** @throws trust/whitelist-signature-shape — none, or several */
export const onlyChild = (parent: Element, localName: string, namespace = xmlDsigNamespace): Element => {
  const [child, ...others] = childrenNamed(parent, namespace, localName);
  if (child === undefined || others.length > 0) throw shape(`not exactly one ${localName}`);
  return child;
};

const algorithmOf = (parent: Element, localName: string): string => {
  const child = onlyChild(parent, localName);
  // Parameters (a prefix list, an HMAC length) would change what the algorithm means.
  if (childElements(child).length > 0) {
    throw new DrimboxError('trust/whitelist-algorithm-refused', { detail: `parameters in ${localName}` });
  }
  return child.getAttribute('Algorithm') ?? '';
};

const readDigest = (reference: Element): SignedDigest => ({
  methodUri: algorithmOf(reference, 'DigestMethod'),
  value: textOf(onlyChild(reference, 'DigestValue')).replaceAll(/\s/g, ''),
});

/**
 * @param signedInfo  the element itself, or the root of its canonical form
 * @throws trust/whitelist-signature-shape, trust/whitelist-algorithm-refused
 */
export const readSignedInfo = (signedInfo: Element): SignedInfo => {
  if (algorithmOf(signedInfo, 'CanonicalizationMethod') !== exclusiveC14n) {
    throw new DrimboxError('trust/whitelist-algorithm-refused', { detail: 'canonicalization method' });
  }
  const signatureMethodUri = algorithmOf(signedInfo, 'SignatureMethod');
  const references = childElements(signedInfo).filter((node) => isElement(node, xmlDsigNamespace, 'Reference'));
  if (references.length !== maxReferences) throw shape(`${references.length} references instead of two`);
  const document = references.find((node) => node.hasAttribute('URI') && node.getAttribute('URI') === '');
  const properties = references.find((node) => signedPropertiesType.test(node.getAttribute('Type') ?? ''));
  if (document === undefined) throw shape('no reference to the whole document');
  if (properties === undefined || properties === document) throw shape('no reference to the signed properties');
  if (!isDocumentWithoutSignature(document)) throw shape('transforms of the document not accepted');
  if (!isCanonicalOnly(properties)) throw shape('transforms of the signed properties not accepted');
  const id = /^#([^#]+)$/.exec(properties.getAttribute('URI') ?? '')?.[1];
  if (id === undefined) throw shape('the signed properties are not named by their id');
  return { signatureMethodUri, document: readDigest(document), properties: { id, ...readDigest(properties) } };
};
