/**
 * TD2.1: publishes a submission, or replaces a document (ITI-41 Provide and Register Document Set-b).
 *
 * @see IHE ITI TF-2 3.41 · facts/spec.md b.4.1, b.4.2, b.4.5
 */
import { checkedEntryUuid, namespaces, withAssociation } from './ebrim.ts';
import type { ExchangeRequest } from './exchange.ts';
import type { TransferEncoding } from './mtom.ts';
import { documentIds, type Submission } from './submission.ts';
import { associationTypes } from './xds-codes.ts';
import { element } from './xml-text.ts';

export const provideAndRegisterAction = 'urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b';
const xopNamespace = 'http://www.w3.org/2004/08/xop/include';
const contentIds = { [documentIds.kos]: '0.2', [documentIds.signature]: '0.3' } as const;

/** The stored metadata, and the association to the entry it replaces, whose UUID is only known now. */
export const withReplacement = (submitObjectsRequest: string, replacesEntryUuid: string | undefined): string =>
  replacesEntryUuid === undefined
    ? submitObjectsRequest
    : withAssociation(submitObjectsRequest, {
        id: 'Association04',
        type: associationTypes.replace,
        source: documentIds.kos,
        target: checkedEntryUuid(replacesEntryUuid),
        slots: [],
      });

/**
 * @param replacesEntryUuid  entryUUID of the entry to replace, asked just before (`registry-stored-query.ts`)
 * @throws dmp/value-invalid
 */
export const buildProvideAndRegister = (
  submission: Submission,
  replacesEntryUuid: string | undefined,
  kosTransferEncoding: TransferEncoding,
): ExchangeRequest => {
  const include = (id: keyof typeof contentIds): string =>
    element(
      'xdsb:Document',
      { id },
      element('xop:Include', { 'xmlns:xop': xopNamespace, href: `cid:${contentIds[id]}` }),
    );
  return {
    transaction: 'TD2.1',
    service: 'repository',
    action: provideAndRegisterAction,
    body: element(
      'xdsb:ProvideAndRegisterDocumentSetRequest',
      { 'xmlns:xdsb': namespaces.xdsb },
      withReplacement(submission.submitObjectsRequest, replacesEntryUuid),
      include(documentIds.kos),
      include(documentIds.signature),
    ),
    parts: [
      { contentId: contentIds[documentIds.signature], bytes: submission.signature, transferEncoding: 'binary' },
      { contentId: contentIds[documentIds.kos], bytes: submission.kos, transferEncoding: kosTransferEncoding },
    ],
  };
};
