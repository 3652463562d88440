/**
 * Short names of the attributes of a distinguished name, and their object identifiers.
 *
 * @see RFC 4514 §3 (CN … UID) · RFC 4519 §2 · X.520 · RFC 2985 §5.2.1 (emailAddress) · ETSI EN 319 412-1 §5.1.4
 */
export const attributeTypes = {
  CN: '2.5.4.3',
  SN: '2.5.4.4',
  SURNAME: '2.5.4.4',
  SERIALNUMBER: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  S: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  T: '2.5.4.12',
  TITLE: '2.5.4.12',
  BUSINESSCATEGORY: '2.5.4.15',
  POSTALCODE: '2.5.4.17',
  GN: '2.5.4.42',
  GIVENNAME: '2.5.4.42',
  INITIALS: '2.5.4.43',
  DNQ: '2.5.4.46',
  DNQUALIFIER: '2.5.4.46',
  PSEUDONYM: '2.5.4.65',
  ORGANIZATIONIDENTIFIER: '2.5.4.97',
  UID: '0.9.2342.19200300.100.1.1',
  DC: '0.9.2342.19200300.100.1.25',
  E: '1.2.840.113549.1.9.1',
  EMAIL: '1.2.840.113549.1.9.1',
  EMAILADDRESS: '1.2.840.113549.1.9.1',
} as const satisfies Readonly<Record<string, string>>;

/** Object identifier of a short name, in any case; undefined when it is not in the table. */
export const attributeTypeOf = (shortName: string): string | undefined => {
  const name = shortName.toUpperCase();
  return Object.hasOwn(attributeTypes, name) ? attributeTypes[name as keyof typeof attributeTypes] : undefined;
};

/** The first short name of an object identifier, else the identifier itself. */
export const attributeShortName = (oid: string): string =>
  Object.entries(attributeTypes).find(([, value]) => value === oid)?.[0] ?? oid;
