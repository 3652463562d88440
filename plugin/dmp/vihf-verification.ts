/**
 * Checks a VIHF and reads it: signed content only, one assertion, one signature, one place for it.
 *
 * @see SAML 2.0 core §5.4 (signature profile) · "On Breaking SAML: Be Whoever You Want to Be" (signature wrapping)
 */
import type { Element } from '@xmldom/xmldom';
import { DrimboxError } from '../errors.ts';
import { type SignatureTrust, trustedCertificate } from './signing-identity.ts';
import { samlNamespace } from './vihf.ts';
import {
  allElements,
  childElements,
  childNamed,
  childrenNamed,
  isElement,
  parseXml,
  rootElement,
  textOf,
} from './xml-document.ts';
import {
  canonicalize,
  checkDigest,
  checkUniqueId,
  envelopedSignature,
  exclusiveC14n,
  onlySignature,
  readKeyInfoCertificate,
  verifySignedInfo,
} from './xml-signature.ts';

const maxVihfBytes = 4 * 1024 * 1024;

const invalid = (detail: string): DrimboxError => new DrimboxError('dmp/signature-invalid', { detail });

/** What a verified VIHF says. */
export interface VerifiedVihf {
  readonly id: string;
  readonly issueInstant: string;
  readonly issuer: string;
  readonly nameId: string;
  readonly authnContextClass: string;
  /** Attribute name → its values: a text, or a code (`code^codeSystem`) for a role or a purpose of use. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
}

const onlyAssertion = (root: Element): Element => {
  const found = allElements(root).filter((node) => isElement(node, samlNamespace, 'Assertion'));
  const [assertion] = found;
  if (assertion === undefined || found.length > 1) throw invalid(`${found.length} assertions instead of one`);
  return assertion;
};

/** Comments are outside exclusive canonical form, so one could be slipped in a signed text: there is none in a VIHF. */
const checkNoComment = (assertion: Element): void => {
  for (const node of allElements(assertion)) {
    for (let child = node.firstChild; child !== null; child = child.nextSibling) {
      if (child.nodeType === child.COMMENT_NODE || child.nodeType === child.PROCESSING_INSTRUCTION_NODE) {
        throw invalid('comment or processing instruction in an assertion');
      }
    }
  }
};

const readValue = (value: Element): string => {
  const coded = childElements(value)[0];
  return coded === undefined
    ? textOf(value)
    : `${coded.getAttribute('code') ?? ''}^${coded.getAttribute('codeSystem') ?? ''}`;
};

const readAttributes = (assertion: Element): Map<string, string[]> => {
  const attributes = new Map<string, string[]>();
  for (const statement of childrenNamed(assertion, samlNamespace, 'AttributeStatement')) {
    for (const attribute of childrenNamed(statement, samlNamespace, 'Attribute')) {
      const name = attribute.getAttribute('Name') ?? '';
      if (attributes.has(name)) throw invalid('an attribute stands twice');
      attributes.set(name, childrenNamed(attribute, samlNamespace, 'AttributeValue').map(readValue));
    }
  }
  return attributes;
};

/** Checks that the signature is about this very assertion, then takes the signature out of it. */
const checkEnveloped = (root: Element, assertion: Element, trust: SignatureTrust): void => {
  const signature = onlySignature(root);
  const [issuer, second] = childElements(assertion);
  if (issuer === undefined || !isElement(issuer, samlNamespace, 'Issuer') || second !== signature) {
    throw invalid('the signature is not right after the issuer');
  }
  const id = assertion.getAttribute('ID') ?? '';
  checkUniqueId(root, id);
  const certificate = trustedCertificate(trust, readKeyInfoCertificate(signature));
  const references = verifySignedInfo(signature, certificate);
  const [reference] = references;
  if (reference === undefined || references.length > 1 || reference.uri !== `#${id}`) {
    throw invalid('the signature is not about the assertion');
  }
  const { transforms } = reference;
  if (transforms.length !== 2 || transforms[0] !== envelopedSignature || transforms[1] !== exclusiveC14n) {
    throw invalid('transforms not accepted');
  }
  assertion.removeChild(signature);
  checkDigest(canonicalize(assertion, exclusiveC14n), reference);
};

/**
 * @param source  a document that holds one assertion: the assertion itself, or a whole SOAP envelope
 * @param trust   the signer's certificate, or the authorities that must have issued the one in KeyInfo
 * @throws dmp/signature-invalid, dmp/certificate-unreadable
 */
export const verifyVihf = (source: Uint8Array | string, trust: SignatureTrust): VerifiedVihf => {
  const code = 'dmp/signature-invalid';
  const root = rootElement(parseXml(source, code, { maxBytes: maxVihfBytes }), code);
  const assertion = onlyAssertion(root);
  checkNoComment(assertion);
  checkEnveloped(root, assertion, trust);
  const subject = childNamed(assertion, samlNamespace, 'Subject');
  const statement = childNamed(assertion, samlNamespace, 'AuthnStatement');
  const context = statement === undefined ? undefined : childNamed(statement, samlNamespace, 'AuthnContext');
  return {
    id: assertion.getAttribute('ID') ?? '',
    issueInstant: assertion.getAttribute('IssueInstant') ?? '',
    issuer: textOf(childNamed(assertion, samlNamespace, 'Issuer')),
    nameId: subject === undefined ? '' : textOf(childNamed(subject, samlNamespace, 'NameID')),
    authnContextClass: context === undefined ? '' : textOf(childNamed(context, samlNamespace, 'AuthnContextClassRef')),
    attributes: readAttributes(assertion),
  };
};
