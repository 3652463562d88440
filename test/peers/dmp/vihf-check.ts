/**
 * Every check of a VIHF in indirect mode.
 *
 * @see facts/identity.md 4.2–4.5 · facts/spec.md b.4.6 · decisions C6, C7
 */
import type { X509Certificate } from 'node:crypto';
import { oids } from '../../../plugin/standards/index.ts';
import {
  isSameName,
  isSigningCertificate,
  isTrusted,
  nameOf,
  structureOf,
  type TrustStore,
} from './certificate-chain.ts';
import { faultCodes, type Findings } from './findings.ts';
import {
  attributeNames,
  modeNames,
  parsePatientId,
  type Patient,
  readAttributes,
  readCodedValue,
  type Vihf,
  type VihfRole,
} from './vihf.ts';
import { SignatureRefused, verifyEnveloped } from './xml-signature.ts';
import {
  attributeOf,
  childrenNamed,
  descendantsNamed,
  isNamed,
  namespaces,
  onlyChild,
  type XmlNode,
} from './xml-tree.ts';

export interface VihfContext {
  readonly trust: TrustStore;
  readonly nowMs: number;
  /** How far IssueInstant and AuthnInstant may be from our clock. */
  readonly maxSkewMs: number;
  /** The TLS client's certificate. */
  readonly clientCertificate: X509Certificate | undefined;
  /** Structures that may speak under the certificate of another (EJ/EG): OU → Identifiant_Structure. */
  readonly relatedStructures: Readonly<Record<string, readonly string[]>>;
}

const invalid = faultCodes.invalidVihf;

const checkInstant = (name: string, text: string, context: VihfContext, findings: Findings): void => {
  const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) findings.fault('vihf/instant-form', invalid, `${name} n'est pas une date UTC`);
  else if (Math.abs(instant - context.nowMs) > context.maxSkewMs)
    findings.fault('vihf/instant-stale', invalid, `${name} trop éloigné`);
};

const checkConditions = (assertion: XmlNode, context: VihfContext, findings: Findings): void => {
  for (const conditions of childrenNamed(assertion, namespaces.saml, 'Conditions')) {
    const notBefore = Date.parse(conditions.attributes.get('NotBefore') ?? '1970-01-01T00:00:00Z');
    const notOnOrAfter = Date.parse(conditions.attributes.get('NotOnOrAfter') ?? '9999-01-01T00:00:00Z');
    if (!(notBefore <= context.nowMs + context.maxSkewMs && context.nowMs < notOnOrAfter)) {
      findings.fault('vihf/conditions', invalid, 'Assertion hors de sa période de validité');
    }
    if (conditions.children.some((child) => child.name === 'AudienceRestriction')) {
      findings.tolerate('vihf/audience', 'AudienceRestriction is not used');
    }
  }
};

const checkShape = (assertion: XmlNode, context: VihfContext, findings: Findings): void => {
  if (attributeOf(assertion, 'Version') !== '2.0')
    findings.fault('vihf/saml-version', invalid, 'Version SAML autre que 2.0');
  const [issuer, signature] = assertion.children;
  if (issuer === undefined || !isNamed(issuer, namespaces.saml, 'Issuer'))
    findings.fault('vihf/issuer', invalid, 'Issuer absent');
  else if (attributeOf(issuer, 'Format') !== 'urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName') {
    findings.fault('vihf/issuer-format', invalid, 'Format de Issuer inattendu');
  }
  if (signature === undefined || !isNamed(signature, namespaces.signature, 'Signature')) {
    findings.fault('vihf/signature-place', invalid, 'Signature absente ou mal placée');
  }
  checkInstant('IssueInstant', attributeOf(assertion, 'IssueInstant'), context, findings);
  const authentication = onlyChild(assertion, namespaces.saml, 'AuthnStatement');
  checkInstant('AuthnInstant', attributeOf(authentication, 'AuthnInstant'), context, findings);
  const authnContext = onlyChild(authentication, namespaces.saml, 'AuthnContext');
  const classRef = onlyChild(authnContext, namespaces.saml, 'AuthnContextClassRef')?.text.trim() ?? '';
  if (!/^urn:oasis:names:tc:SAML:2\.0:ac:classes:\w+$/.test(classRef)) {
    findings.fault('vihf/authn-context', invalid, "Contexte d'authentification absent");
  }
  if (
    (onlyChild(onlyChild(assertion, namespaces.saml, 'Subject'), namespaces.saml, 'NameID')?.text.trim() ?? '') === ''
  ) {
    findings.fault('vihf/name-id', invalid, 'NameID absent');
  }
  checkConditions(assertion, context, findings);
};

const checkSigner = (assertion: XmlNode, signer: X509Certificate, context: VihfContext, findings: Findings): void => {
  const refuse = (rule: string): void =>
    findings.fault(rule, faultCodes.invalidCertificate, 'Not a valid signature certificate');
  if (!isTrusted(signer, context.trust, context.nowMs)) refuse('vihf/signer-untrusted');
  if (!isSigningCertificate(signer)) refuse('vihf/signer-not-sign');
  const issuer = onlyChild(assertion, namespaces.saml, 'Issuer')?.text ?? '';
  if (!isSameName(issuer, nameOf(signer.subject))) {
    findings.fault('vihf/issuer-not-signer', invalid, "Issuer n'est pas le sujet du certificat de signature");
  }
  const client = context.clientCertificate;
  if (client !== undefined && structureOf(client) !== structureOf(signer)) refuse('vihf/signer-other-structure');
};

/** @returns the certificate, or undefined when the signature is refused */
const checkSignature = (root: XmlNode, assertion: XmlNode, findings: Findings): X509Certificate | undefined => {
  try {
    return verifyEnveloped(root, assertion);
  } catch (error) {
    if (!(error instanceof SignatureRefused)) throw error;
    const isCertificate = error.fault === 'certificate';
    const reason = isCertificate ? 'Not a valid signature certificate' : `Signature du VIHF invalide: ${error.message}`;
    findings.fault(`vihf/signature-${error.fault}`, isCertificate ? faultCodes.invalidCertificate : invalid, reason);
    return undefined;
  }
};

/** Professions that must come with a speciality: doctors and pharmacists. */
const professionsWithSpecialty: readonly string[] = ['10', '21'];

const checkRoles = (values: readonly XmlNode[], findings: Findings): VihfRole[] => {
  const roles = values.map((value) => readCodedValue(value, 'Role')).filter((role) => role !== undefined);
  const [first, second] = roles;
  if (first === undefined || roles.length !== values.length || roles.length > 2) {
    findings.fault('vihf/role', invalid, 'Rôle absent ou mal formé');
    return roles;
  }
  const isAutomaton = first.codeSystem === oids.automatonRoles && first.code === 'AUTOMATE';
  const isProfession = first.codeSystem === oids.professions && /^\d\d$/.test(first.code);
  if (!isAutomaton && !isProfession) findings.fault('vihf/role', invalid, 'Profession inconnue');
  const isSpecialty = second?.codeSystem === oids.specialties && /^[A-Z0-9]{2,6}$/.test(second.code);
  if (second !== undefined && (isAutomaton || !isSpecialty))
    findings.fault('vihf/role', invalid, 'Second rôle mal formé');
  if (isProfession && professionsWithSpecialty.includes(first.code) && !isSpecialty) {
    findings.fault('vihf/specialty', invalid, 'Aucune spécialité dans le vihf');
  }
  return roles;
};

type Values = ReadonlyMap<string, readonly XmlNode[]>;

const textOf = (values: Values, name: string): string => {
  const found = values.get(name) ?? [];
  return found.length === 1 ? (found[0]?.text.trim() ?? '') : '';
};

const checkMode = (values: Values, findings: Findings): string => {
  const given = modeNames.filter((name) => values.has(name));
  const mode = given.length === 1 ? textOf(values, given[0] ?? '') : '';
  if (mode === '') findings.fault('vihf/mode', invalid, "Mode d'authentification absent ou double");
  else if (mode !== 'INDIRECTE') {
    findings.fault(
      'vihf/mode-forbidden',
      faultCodes.forbidden,
      'Transaction non autorisée dans ce mode avec un certificat de structure',
    );
  }
  return mode;
};

const checkFixedValues = (values: Values, findings: Findings): void => {
  const version = textOf(values, attributeNames.version);
  if (version !== '3.0' && version !== '4.0') findings.fault('vihf/version', invalid, 'VIHF_Version inconnue');
  if (!/^SA\d\d\^1\.2\.250\.1\.71\.4\.2\.4$/.test(textOf(values, attributeNames.sector))) {
    findings.fault('vihf/sector', invalid, "Secteur d'activité absent ou mal formé");
  }
  if (textOf(values, attributeNames.resource) !== 'urn:dmp')
    findings.fault('vihf/resource-urn', invalid, 'Ressource_URN inattendue');
  const purposes = values.get(attributeNames.purpose) ?? [];
  const purpose =
    purposes.length === 1 && purposes[0] !== undefined ? readCodedValue(purposes[0], 'PurposeOfUse') : undefined;
  if (purpose?.code !== 'normal' || purpose.codeSystem !== oids.purposeOfUse) {
    findings.fault('vihf/purpose', invalid, "Mode d'accès absent ou non autorisé");
  }
  for (const key of ['subject', 'softwareName', 'softwareVersion', 'homologation'] as const) {
    if (textOf(values, attributeNames[key]) === '')
      findings.fault(`vihf/${key}`, invalid, `${attributeNames[key]} absent`);
  }
};

const checkPatient = (values: Values, findings: Findings): Patient => {
  const patient = parsePatientId(textOf(values, attributeNames.patient));
  if (patient === undefined) findings.fault('vihf/patient', invalid, 'resource-id absent ou mal formé');
  return patient ?? { ins: '', oid: '' };
};

const checkStructure = (
  structureId: string,
  signer: X509Certificate | undefined,
  context: VihfContext,
  findings: Findings,
): void => {
  if (structureId === '') {
    findings.fault('vihf/structure', invalid, 'Identifiant_Structure absent');
    return;
  }
  const unit = signer === undefined ? structureId : structureOf(signer);
  const isRelated = structureId === unit || (context.relatedStructures[unit] ?? []).includes(structureId);
  if (!isRelated) findings.fault('vihf/structure-unknown', invalid, 'Structure introuvable ou Inactive');
};

const findAssertion = (root: XmlNode, header: XmlNode): XmlNode | undefined => {
  const security = onlyChild(header, namespaces.security, 'Security');
  const assertion = onlyChild(security, namespaces.saml, 'Assertion');
  return descendantsNamed(root, namespaces.saml, 'Assertion').length === 1 ? assertion : undefined;
};

/** Every fault of the VIHF goes to `findings`; what is returned may only be relied upon when they are clean. */
export const checkVihf = (
  root: XmlNode,
  header: XmlNode,
  context: VihfContext,
  findings: Findings,
): Vihf | undefined => {
  const assertion = findAssertion(root, header);
  if (assertion === undefined) {
    findings.fault('vihf/missing', invalid, 'VIHF absent, ou plusieurs');
    return undefined;
  }
  checkShape(assertion, context, findings);
  const signer = checkSignature(root, assertion, findings);
  if (signer !== undefined) checkSigner(assertion, signer, context, findings);
  const { values, repeated } = readAttributes(assertion);
  if (repeated.length > 0) findings.fault('vihf/attribute-repeated', invalid, 'Attribut en double');
  const structureId = textOf(values, attributeNames.structure);
  checkStructure(structureId, signer, context, findings);
  checkFixedValues(values, findings);
  const signerUnit = signer === undefined ? '' : structureOf(signer);
  const related = context.relatedStructures;
  return {
    signerUnit,
    authorStructures: [structureId, ...(related[structureId] ?? []), ...(related[signerUnit] ?? [])],
    mode: checkMode(values, findings),
    structureId,
    patient: checkPatient(values, findings),
    nameId: onlyChild(onlyChild(assertion, namespaces.saml, 'Subject'), namespaces.saml, 'NameID')?.text.trim() ?? '',
    roles: checkRoles(values.get(attributeNames.role) ?? [], findings),
    sector: textOf(values, attributeNames.sector).split('^')[0] ?? '',
  };
};
