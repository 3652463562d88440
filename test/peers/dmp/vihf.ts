/** Reading of the VIHF, the SAML assertion that says who asks, for which structure, about which patient. */
import { isInsOid } from '../../../plugin/standards/index.ts';
import { attributeOf, childrenNamed, namespaces, onlyChild, type XmlNode } from './xml-tree.ts';

export interface VihfRole {
  readonly code: string;
  readonly codeSystem: string;
}

export interface Patient {
  readonly ins: string;
  readonly oid: string;
}

/** What later checks need of a VIHF that was accepted. */
export interface Vihf {
  readonly mode: string;
  readonly structureId: string;
  readonly patient: Patient;
  readonly nameId: string;
  readonly roles: readonly VihfRole[];
  /** `SA08`…: code of Secteur_Activite. */
  readonly sector?: string;
  /** OU of the certificate that signed it; '' when there was none. */
  readonly signerUnit: string;
  /** Structures the author of a submission may belong to: that of the VIHF and those related to it or to its certificate. */
  readonly authorStructures: readonly string[];
}

/** `value^^^&OID&ISO^NH` */
export const parsePatientId = (text: string): Patient | undefined => {
  const found = /^([0-9]{5}[0-9AB]{2}[0-9]{8})\^\^\^&([0-9.]+)&ISO\^NH$/.exec(text);
  const [, ins, oid] = found ?? [];
  return ins !== undefined && oid !== undefined && isInsOid(oid) ? { ins, oid } : undefined;
};

export const isSamePatient = (a: Patient, b: Patient): boolean => a.ins === b.ins && a.oid === b.oid;

/** Both spellings occur in official samples. */
export const modeNames: readonly string[] = ['Authentification_Mode', 'Authentification_mode'];

export const attributeNames = {
  structure: 'Identifiant_Structure',
  sector: 'Secteur_Activite',
  version: 'VIHF_Version',
  resource: 'Ressource_URN',
  subject: 'urn:oasis:names:tc:xspa:1.0:subject:subject-id',
  role: 'urn:oasis:names:tc:xacml:2.0:subject:role',
  patient: 'urn:oasis:names:tc:xacml:2.0:resource:resource-id',
  purpose: 'urn:oasis:names:tc:xspa:1.0:subject:purposeofuse',
  softwareName: 'LPS_Nom',
  softwareVersion: 'LPS_Version',
  homologation: 'LPS_ID_HOMOLOGATION_DMP',
} as const;

/** Name → AttributeValue elements; an attribute given twice is marked. */
export const readAttributes = (assertion: XmlNode): { values: Map<string, XmlNode[]>; repeated: string[] } => {
  const statement = onlyChild(assertion, namespaces.saml, 'AttributeStatement');
  const values = new Map<string, XmlNode[]>();
  const repeated: string[] = [];
  for (const attribute of statement === undefined ? [] : childrenNamed(statement, namespaces.saml, 'Attribute')) {
    const name = attributeOf(attribute, 'Name');
    if (values.has(name)) repeated.push(name);
    values.set(name, childrenNamed(attribute, namespaces.saml, 'AttributeValue'));
  }
  return { values, repeated };
};

/** A coded value `<Role xmlns="urn:hl7-org:v3" xsi:type="CE" …/>`; undefined when it has another shape. */
export const readCodedValue = (value: XmlNode, name: string): VihfRole | undefined => {
  const element = onlyChild(value, namespaces.hl7, name);
  const type = element?.attributes.get(`{${namespaces.schemaInstance}}type`)?.replace(/^[^:]*:/, '');
  if (element === undefined || type !== 'CE') return undefined;
  return { code: attributeOf(element, 'code'), codeSystem: attributeOf(element, 'codeSystem') };
};
