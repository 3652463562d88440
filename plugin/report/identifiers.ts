/**
 * CDA instance identifiers (`II`: root and extension) as documents, authorities and persons use them.
 *
 * @see HL7 v3 data type II · decision B1 (ids of documents may be UUIDs)
 */
import { type DocumentId, type IssuedIdentifier, isOid } from '../standards/index.ts';
import { attribute, type CdaElement, children, isNull } from './cda-element.ts';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const maxOidLength = 256;
const maxExtensionLength = 256;

export const isUuid = (text: string): boolean => uuidPattern.test(text);
/** Arcs of any size; kept as text, so those above 32 bits stay exact. */
export const isOidRoot = (text: string): boolean => text.length <= maxOidLength && isOid(text);

/** Document id as sent; undefined when it has no root that is an OID or a UUID. */
export const documentIdOf = (id: CdaElement): DocumentId | undefined => {
  const root = attribute(id, 'root');
  const extension = attribute(id, 'extension');
  if (isNull(id) || root === undefined || !(isOidRoot(root) || isUuid(root))) return undefined;
  if (extension === undefined) return { root };
  return extension.length > maxExtensionLength ? undefined : { root, extension };
};

/** Number with the authority that gave it; undefined without a number. */
export const issuedIdentifierOf = (id: CdaElement): IssuedIdentifier | undefined => {
  const value = attribute(id, 'extension');
  const root = attribute(id, 'root');
  if (isNull(id) || value === undefined) return undefined;
  return root !== undefined && isOidRoot(root) ? { value, issuerOid: root } : { value };
};

/** Extension of the first `id` child that a given authority issued. */
export const extensionUnder = (parent: CdaElement, authority: string): string | undefined =>
  children(parent, 'id')
    .filter((id) => !isNull(id) && attribute(id, 'root') === authority)
    .map((id) => attribute(id, 'extension'))
    .find((extension) => extension !== undefined);
