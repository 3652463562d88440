/** Reading of the ebRIM objects of a submission into plain values. @see ebRIM 3.0 · IHE ITI TF-3 §4.2 */
import { attributeOf, childrenNamed, isNamed, namespaces, onlyChild, type XmlNode } from './xml-tree.ts';

const rim = namespaces.rim;

export interface Classification {
  readonly id: string;
  readonly scheme: string;
  readonly node: string;
  readonly classifiedObject: string;
  readonly code: string;
  readonly codingScheme: string;
  readonly displayName: string;
  readonly slots: ReadonlyMap<string, readonly string[]>;
}

export interface ExternalIdentifier {
  readonly id: string;
  readonly scheme: string;
  readonly registryObject: string;
  readonly value: string;
  readonly name: string;
}

/** A RegistryPackage (submission set) or ExtrinsicObject (document entry). */
export interface RegistryObject {
  readonly id: string;
  readonly mimeType: string;
  readonly objectType: string;
  readonly slots: ReadonlyMap<string, readonly string[]>;
  readonly repeatedSlots: readonly string[];
  readonly title: string;
  readonly comments: string | undefined;
  readonly classifications: readonly Classification[];
  readonly externalIdentifiers: readonly ExternalIdentifier[];
  /** Local names of the children, as they come. */
  readonly childOrder: readonly string[];
}

export interface Association {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly slots: ReadonlyMap<string, readonly string[]>;
}

export interface RegistryObjectList {
  readonly packages: readonly RegistryObject[];
  readonly entries: readonly RegistryObject[];
  readonly associations: readonly Association[];
  /** Names of what is none of the three. */
  readonly others: readonly string[];
}

const readSlots = (node: XmlNode): { slots: Map<string, string[]>; repeated: string[] } => {
  const slots = new Map<string, string[]>();
  const repeated: string[] = [];
  for (const slot of childrenNamed(node, rim, 'Slot')) {
    const name = attributeOf(slot, 'name');
    if (slots.has(name)) repeated.push(name);
    const list = onlyChild(slot, rim, 'ValueList');
    slots.set(name, list === undefined ? [] : childrenNamed(list, rim, 'Value').map(({ text }) => text));
  }
  return { slots, repeated };
};

const readLocalized = (node: XmlNode, name: string): string | undefined => {
  const string = onlyChild(onlyChild(node, rim, name), rim, 'LocalizedString');
  return string === undefined ? undefined : attributeOf(string, 'value');
};

const readClassification = (node: XmlNode): Classification => {
  const { slots } = readSlots(node);
  return {
    id: attributeOf(node, 'id'),
    scheme: attributeOf(node, 'classificationScheme'),
    node: attributeOf(node, 'classificationNode'),
    classifiedObject: attributeOf(node, 'classifiedObject'),
    code: attributeOf(node, 'nodeRepresentation'),
    codingScheme: slots.get('codingScheme')?.join(' ') ?? '',
    displayName: readLocalized(node, 'Name') ?? '',
    slots,
  };
};

const readExternalIdentifier = (node: XmlNode): ExternalIdentifier => ({
  id: attributeOf(node, 'id'),
  scheme: attributeOf(node, 'identificationScheme'),
  registryObject: attributeOf(node, 'registryObject'),
  value: attributeOf(node, 'value'),
  name: readLocalized(node, 'Name') ?? '',
});

const readRegistryObject = (node: XmlNode): RegistryObject => {
  const { slots, repeated } = readSlots(node);
  return {
    id: attributeOf(node, 'id'),
    mimeType: attributeOf(node, 'mimeType'),
    objectType: attributeOf(node, 'objectType'),
    slots,
    repeatedSlots: repeated,
    title: readLocalized(node, 'Name') ?? '',
    comments: readLocalized(node, 'Description'),
    classifications: childrenNamed(node, rim, 'Classification').map(readClassification),
    externalIdentifiers: childrenNamed(node, rim, 'ExternalIdentifier').map(readExternalIdentifier),
    childOrder: node.children.map(({ name }) => name),
  };
};

const readAssociation = (node: XmlNode): Association => ({
  id: attributeOf(node, 'id'),
  type: attributeOf(node, 'associationType'),
  source: attributeOf(node, 'sourceObject'),
  target: attributeOf(node, 'targetObject'),
  slots: readSlots(node).slots,
});

/** @param request  a `lcm:SubmitObjectsRequest` */
export const readRegistryObjects = (request: XmlNode | undefined): RegistryObjectList => {
  const children = onlyChild(request, rim, 'RegistryObjectList')?.children ?? [];
  const named = (name: string): XmlNode[] => children.filter((child) => isNamed(child, rim, name));
  const known = ['RegistryPackage', 'ExtrinsicObject', 'Association'];
  return {
    packages: named('RegistryPackage').map(readRegistryObject),
    entries: named('ExtrinsicObject').map(readRegistryObject),
    associations: named('Association').map(readAssociation),
    others: children.filter((child) => child.namespace !== rim || !known.includes(child.name)).map(({ name }) => name),
  };
};

/** Classification schemes and identification schemes. @see IHE ITI TF-3 tables 4.2.5.2, 4.2.3 */
export const schemes = {
  submissionSetNode: 'urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd',
  submissionSetAuthor: 'urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d',
  contentType: 'urn:uuid:aa543740-bdda-424e-8c96-df4873be8500',
  submissionSetPatientId: 'urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446',
  submissionSetSourceId: 'urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832',
  submissionSetUniqueId: 'urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8',
  documentEntry: 'urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1',
  entryAuthor: 'urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d',
  classCode: 'urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a',
  typeCode: 'urn:uuid:f0306f51-975f-434e-a61c-c59651d33983',
  formatCode: 'urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d',
  confidentiality: 'urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f',
  facilityType: 'urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1',
  practiceSetting: 'urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead',
  eventCode: 'urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4',
  entryPatientId: 'urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427',
  entryUniqueId: 'urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab',
} as const;

export const associationTypes = {
  hasMember: 'urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember',
  signs: 'urn:ihe:iti:2007:AssociationType:signs',
  replaces: 'urn:ihe:iti:2007:AssociationType:RPLC',
  updateAvailability: 'urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus',
} as const;

export const statusTypes = {
  Approved: 'urn:oasis:names:tc:ebxml-regrep:StatusType:Approved',
  Deprecated: 'urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated',
  Deleted: 'urn:asip:ci-sis:2010:StatusType:Deleted',
} as const;
export type EntryStatus = keyof typeof statusTypes;

export const classified = (object: RegistryObject, scheme: string): Classification[] =>
  object.classifications.filter((each) => each.scheme === scheme);

/** The value of an external identifier; '' when there is none or several. */
export const identifierOf = (object: RegistryObject | undefined, scheme: string): string => {
  const found = object?.externalIdentifiers.filter((each) => each.scheme === scheme) ?? [];
  return found.length === 1 ? (found[0]?.value ?? '') : '';
};

export const slotOf = (object: RegistryObject | undefined, name: string): string => {
  const values = object?.slots.get(name) ?? [];
  return values.length === 1 ? (values[0] ?? '') : '';
};
