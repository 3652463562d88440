/**
 * The VIHF (vecteur d'identification et d'habilitation formel): a SAML assertion in the header of each request that says
 * which professional of which structure acts on which record, signed by the structure.
 *
 * Made anew for each send. Order and spelling follow the publication sample that a DMP test server accepted (decision
 * C6); what the official texts disagree on is configuration.
 *
 * @see SAML 2.0 core · facts/spec.md b.4.6 · facts/identity.md 4.5
 */
import type { CodedConcept, HealthProfessional, InsIdentifier } from '../standards/index.ts';
import { oids, structIdNat } from '../standards/index.ts';
import {
  certificateBase64,
  formatDistinguishedName,
  parseCertificate,
  type SigningIdentity,
} from './signing-identity.ts';
import { type SignatureAlgorithm, type SignatureAlgorithmName, signatureAlgorithms } from './signature-algorithms.ts';
import { encodeInsCx } from './xds-datatypes.ts';
import {
  buildReference,
  buildSignedInfo,
  canonicalize,
  digestBase64,
  envelopedSignature,
  exclusiveC14n,
  parseOwnXml,
  signCanonical,
  xmlDsigNamespace,
} from './xml-signature.ts';
import { element, textElement } from './xml-text.ts';

export const samlNamespace = 'urn:oasis:names:tc:SAML:2.0:assertion';

/** Attribute names that no text disputes. */
export const vihfAttributes = {
  version: 'VIHF_Version',
  sector: 'Secteur_Activite',
  resourceUrn: 'Ressource_URN',
  subjectId: 'urn:oasis:names:tc:xspa:1.0:subject:subject-id',
  structureId: 'Identifiant_Structure',
  softwareId: 'LPS_ID',
  softwareName: 'LPS_Nom',
  homologationNumber: 'LPS_ID_HOMOLOGATION_DMP',
  softwareVersion: 'LPS_Version',
  resourceId: 'urn:oasis:names:tc:xacml:2.0:resource:resource-id',
  purposeOfUse: 'urn:oasis:names:tc:xspa:1.0:subject:purposeofuse',
  role: 'urn:oasis:names:tc:xacml:2.0:subject:role',
} as const;

/** Software that acts where no professional can be named. */
export interface Automaton {
  readonly kind: 'automaton';
  /** Identifier put in NameID: of the software, or of the person responsible. */
  readonly id: string;
  /** Software name and model. */
  readonly name: string;
}

/** Who acts, for which structure, on whose record. Plain values: kept by the archive for later orders. */
export interface VihfSubject {
  /** Identifiant_Structure, any usual form; written as Struct_IdNat. */
  readonly structureId: string;
  /** Secteur_Activite: `SA08`, without its OID. */
  readonly sector: string;
  readonly person: HealthProfessional | Automaton;
  /** Profession, then speciality; see `rolesFromSpecialty`. */
  readonly roles: readonly CodedConcept[];
  readonly ins: InsIdentifier;
  /** Only for CONNEXION_SECRETE: the attribute and value the site was told to use (decision B8). */
  readonly secretConnection?: { readonly attribute: string; readonly value: string };
}

export interface SoftwareIdentity {
  readonly id?: string | undefined;
  readonly name: string;
  readonly version: string;
  readonly homologationNumber: string;
}

export interface VihfOptions {
  readonly version: string;
  readonly modeAttribute: string;
  readonly mode: string;
  readonly authnContextClass: string;
  readonly algorithm: SignatureAlgorithmName;
  /** Between the parts of the issuer's name. */
  readonly nameSeparator: string;
  /** Adds Conditions with this validity; the samples have none. */
  readonly validitySeconds?: number | undefined;
}

export interface VihfStamp {
  /** A fresh UUID, without prefix. */
  readonly uuid: string;
  readonly issuedAtUtcMs: number;
}

const hl7Namespace = 'urn:hl7-org:v3';
const xsiNamespace = 'http://www.w3.org/2001/XMLSchema-instance';

const attribute = (name: string, ...values: string[]): string =>
  element('saml2:Attribute', { Name: name }, ...values.map((value) => element('saml2:AttributeValue', {}, value)));

const textAttribute = (name: string, value: string): string =>
  element('saml2:Attribute', { Name: name }, textElement('saml2:AttributeValue', value));

const codedElement = (name: string, concept: CodedConcept, codeSystemName?: string): string =>
  element(name, {
    xmlns: hl7Namespace,
    'xmlns:xsi': xsiNamespace,
    code: concept.code,
    codeSystem: concept.codeSystem,
    codeSystemName,
    displayName: concept.displayName,
    'xsi:type': 'CE',
  });

const normalUse: CodedConcept = { code: 'normal', codeSystem: oids.purposeOfUse, displayName: 'Acces normal' };

/** `Given FAMILY` of the professional — never of the patient — or the name of the software. */
const subjectName = (person: HealthProfessional | Automaton): string =>
  'kind' in person ? person.name : `${person.givenName} ${person.familyName.toLocaleUpperCase('fr-FR')}`.trim();

const buildAttributes = (subject: VihfSubject, software: SoftwareIdentity, options: VihfOptions): string =>
  element(
    'saml2:AttributeStatement',
    {},
    textAttribute(vihfAttributes.version, options.version),
    textAttribute(vihfAttributes.sector, `${subject.sector}^${oids.activitySectors}`),
    textAttribute(vihfAttributes.resourceUrn, 'urn:dmp'),
    textAttribute(vihfAttributes.subjectId, subjectName(subject.person)),
    textAttribute(vihfAttributes.structureId, structIdNat(subject.structureId)),
    ...(software.id === undefined ? [] : [textAttribute(vihfAttributes.softwareId, software.id)]),
    textAttribute(vihfAttributes.softwareName, software.name),
    textAttribute(vihfAttributes.homologationNumber, software.homologationNumber),
    textAttribute(vihfAttributes.softwareVersion, software.version),
    textAttribute(vihfAttributes.resourceId, encodeInsCx(subject.ins)),
    textAttribute(options.modeAttribute, options.mode),
    attribute(vihfAttributes.purposeOfUse, codedElement('PurposeOfUse', normalUse, 'mode acces VIHF 1.0')),
    attribute(vihfAttributes.role, ...subject.roles.map((role) => codedElement('Role', role))),
    ...(subject.secretConnection === undefined
      ? []
      : [textAttribute(subject.secretConnection.attribute, subject.secretConnection.value)]),
  );

/**
 * The assertion with `signature` (XML, or nothing) right after the issuer, where SAML wants it.
 *
 * @throws dmp/value-invalid
 */
export const buildAssertion = (
  subject: VihfSubject,
  issuer: string,
  software: SoftwareIdentity,
  options: VihfOptions,
  stamp: VihfStamp,
  signature: string,
): string => {
  const issuedAt = new Date(stamp.issuedAtUtcMs).toISOString();
  return element(
    'saml2:Assertion',
    { 'xmlns:saml2': samlNamespace, ID: `_${stamp.uuid}`, IssueInstant: issuedAt, Version: '2.0' },
    textElement('saml2:Issuer', issuer, { Format: 'urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName' }),
    signature,
    element('saml2:Subject', {}, textElement('saml2:NameID', subject.person.id)),
    options.validitySeconds === undefined
      ? ''
      : element('saml2:Conditions', {
          NotBefore: issuedAt,
          NotOnOrAfter: new Date(stamp.issuedAtUtcMs + options.validitySeconds * 1000).toISOString(),
        }),
    element(
      'saml2:AuthnStatement',
      { AuthnInstant: issuedAt },
      element('saml2:AuthnContext', {}, textElement('saml2:AuthnContextClassRef', options.authnContextClass)),
    ),
    buildAttributes(subject, software, options),
  );
};

/**
 * A signed VIHF: enveloped signature, exclusive canonical form, the signer's certificate in KeyInfo.
 *
 * @returns the saml2:Assertion element; it can be put in any envelope
 * @throws dmp/value-invalid, dmp/certificate-unreadable
 */
export const buildVihf = (
  subject: VihfSubject,
  signing: SigningIdentity,
  software: SoftwareIdentity,
  options: VihfOptions,
  stamp: VihfStamp,
): string => {
  const certificate = parseCertificate(signing.certificatePem);
  const issuer = formatDistinguishedName(certificate.subject, options.nameSeparator);
  const algorithm: SignatureAlgorithm = signatureAlgorithms[options.algorithm];
  const assertion = (signature: string): string => buildAssertion(subject, issuer, software, options, stamp, signature);
  const digest = digestBase64(canonicalize(parseOwnXml(assertion('')), exclusiveC14n), algorithm.hash);
  const signedInfo = buildSignedInfo('ds:', exclusiveC14n, algorithm, [
    buildReference('ds:', { URI: `#_${stamp.uuid}` }, [envelopedSignature, exclusiveC14n], algorithm.digestUri, digest),
  ]);
  const standalone = signedInfo.replace('<ds:SignedInfo>', `<ds:SignedInfo xmlns:ds="${xmlDsigNamespace}">`);
  const value = signCanonical(canonicalize(parseOwnXml(standalone), exclusiveC14n), algorithm, signing.privateKeyPem);
  return assertion(
    element(
      'ds:Signature',
      { 'xmlns:ds': xmlDsigNamespace },
      signedInfo,
      textElement('ds:SignatureValue', value),
      element(
        'ds:KeyInfo',
        {},
        element('ds:X509Data', {}, textElement('ds:X509Certificate', certificateBase64(certificate))),
      ),
    ),
  );
};
