/**
 * The transforms of a whole-document reference that this room accepts, all of which mean "without the signature":
 * `enveloped-signature`, or XPath Filter 2.0 subtracting `/descendant::ds:Signature`; then exclusive canonical form.
 *
 * With exactly one ds:Signature in the document both are the removal of that one element, so no XPath is evaluated.
 *
 * @see XML Signature 1.0 §6.6.4 · XML-Signature XPath Filter 2.0 §3 · facts/identity.md 5.4
 */
import type { Element } from '@xmldom/xmldom';
import { childElements, childrenNamed, isElement, textOf } from './xml-document.ts';

export const xmlDsigNamespace = 'http://www.w3.org/2000/09/xmldsig#';
export const exclusiveC14n = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const envelopedSignature = `${xmlDsigNamespace}enveloped-signature`;
const filter2Namespace = 'http://www.w3.org/2002/06/xmldsig-filter2';

const algorithmOf = (transform: Element): string => transform.getAttribute('Algorithm') ?? '';

/** Attributes that are no namespace declarations. */
const attributeNames = (node: Element): string[] =>
  [...node.attributes].map((attribute) => attribute.name).filter((name) => !/^xmlns(:|$)/.test(name));

const hasOnlyAlgorithm = (transform: Element): boolean => attributeNames(transform).join() === 'Algorithm';

/** Subtracts every ds:Signature and nothing else. */
const isSignatureSubtraction = (transform: Element): boolean => {
  const [xpath, ...others] = childElements(transform);
  if (xpath === undefined || others.length > 0 || !isElement(xpath, filter2Namespace, 'XPath')) return false;
  if (attributeNames(xpath).join() !== 'Filter' || xpath.getAttribute('Filter') !== 'subtract') return false;
  const prefix = /^\/descendant::([A-Za-z_][\w.-]*):Signature$/.exec(textOf(xpath))?.[1];
  return prefix !== undefined && xpath.lookupNamespaceURI(prefix) === xmlDsigNamespace;
};

const isBareTransform = (transform: Element, algorithm: string): boolean =>
  algorithmOf(transform) === algorithm && textOf(transform) === '' && childElements(transform).length === 0;

const transformsOf = (reference: Element): Element[] => {
  const lists = childrenNamed(reference, xmlDsigNamespace, 'Transforms');
  const transforms = lists.flatMap(childElements);
  const areAll = transforms.every((node) => isElement(node, xmlDsigNamespace, 'Transform') && hasOnlyAlgorithm(node));
  return lists.length === 1 && areAll ? transforms : [];
};

/** Exclusive canonical form, without an inclusive prefix list, and nothing before it. */
export const isCanonicalOnly = (reference: Element): boolean => {
  const [canonical, ...others] = transformsOf(reference);
  return canonical !== undefined && others.length === 0 && isBareTransform(canonical, exclusiveC14n);
};

/** The document without its signature, in exclusive canonical form. */
export const isDocumentWithoutSignature = (reference: Element): boolean => {
  const [without, canonical, ...others] = transformsOf(reference);
  if (without === undefined || canonical === undefined || others.length > 0) return false;
  if (!isBareTransform(canonical, exclusiveC14n)) return false;
  return algorithmOf(without) === filter2Namespace
    ? isSignatureSubtraction(without)
    : isBareTransform(without, envelopedSignature);
};
