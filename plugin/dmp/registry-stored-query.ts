/**
 * TD3.1: asks for the entryUUID of one document by its uniqueId (ITI-18, GetDocuments, ObjectRef).
 *
 * The only query of the indirect mode (decision C7): before a replacement or a deletion, or after an ambiguous answer.
 *
 * @see IHE ITI TF-2 3.18.4.1.2.3.7.5 (GetDocuments) · facts/identity.md 4.2
 */
import { DrimboxError, errorTable } from '../errors.ts';
import { parseOid } from '../standards/index.ts';
import { checkedEntryUuid, namespaces, slot } from './ebrim.ts';
import type { ExchangeAnswer, ExchangeRequest } from './exchange.ts';
import { readRegistryResponse, refuseFault } from './registry-response.ts';
import { codeOfRegistryError, codeOfRegistryErrors } from './registry-errors.ts';
import { childElements, childNamed } from './xml-document.ts';
import { element } from './xml-text.ts';

export const storedQueryAction = 'urn:ihe:iti:2007:RegistryStoredQuery';
const getDocuments = 'urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4';

/** `absent` is a positive answer: a success with an empty list. An error, of whatever kind, is never "absent". */
export type EntryLookup =
  | { readonly kind: 'found'; readonly entryUuid: string; readonly answer: string }
  | { readonly kind: 'absent'; readonly answer: string };

/** @throws standards/oid-invalid */
export const buildGetDocuments = (uniqueId: string): ExchangeRequest => ({
  transaction: 'TD3.1',
  service: 'registry',
  action: storedQueryAction,
  body: element(
    'query:AdhocQueryRequest',
    { 'xmlns:query': namespaces.query, xmlns: namespaces.rim },
    element('query:ResponseOption', { returnComposedObjects: 'true', returnType: 'ObjectRef' }),
    element('AdhocQuery', { id: getDocuments }, slot('$XDSDocumentEntryUniqueId', [`('${parseOid(uniqueId)}')`])),
  ),
});

const invalid = (detail: string): DrimboxError => new DrimboxError('dmp/answer-invalid', { detail });

/**
 * @throws dmp/document-several — more than one entry has this identifier; dmp/answer-invalid; the code of a refusal
 */
export const readEntryLookup = ({ soap, answer }: ExchangeAnswer): EntryLookup => {
  if (soap.kind === 'fault') {
    const outcome = refuseFault(soap, 'TD3.1', answer);
    throw outcome.kind === 'refused' ? outcome.error : invalid('unreadable fault');
  }
  if (soap.body.namespaceURI !== namespaces.query || soap.body.localName !== 'AdhocQueryResponse') {
    throw invalid('not a query response');
  }
  const response = readRegistryResponse(soap.body);
  if (response.status !== 'success') {
    const codes = response.errors.map((error) => codeOfRegistryError(error.code, error.context, 'TD3.1'));
    const code = codeOfRegistryErrors(codes);
    throw new DrimboxError(response.status === 'partial' ? 'dmp/partial-success' : code, { detail: 'query refused' });
  }
  const list = childNamed(soap.body, namespaces.rim, 'RegistryObjectList');
  if (list === undefined) throw invalid('no RegistryObjectList');
  const uuids = new Set(childElements(list).map((object) => object.getAttribute('id') ?? ''));
  const [entryUuid, ...others] = uuids;
  if (entryUuid === undefined) return { kind: 'absent', answer };
  if (others.length > 0) throw new DrimboxError('dmp/document-several', { detail: `${uuids.size} entries` });
  try {
    return { kind: 'found', entryUuid: checkedEntryUuid(entryUuid), answer };
  } catch (cause) {
    throw new DrimboxError('dmp/answer-invalid', { detail: 'an ObjectRef without an entryUUID', cause });
  }
};

/** A question changes nothing in the DMP: what is ambiguous for a submission can simply be asked again. */
export const asQueryError = (error: DrimboxError): DrimboxError =>
  errorTable[error.code].retry === 'ambiguous'
    ? new DrimboxError('dmp/unavailable', { detail: `query without an answer (${error.code})`, cause: error })
    : error;
