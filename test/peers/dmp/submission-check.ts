/**
 * TD2.1: every check of a ProvideAndRegisterDocumentSet that needs no registry.
 *
 * @see facts/spec.md b.4 · decision C5
 */
import { checkAssociations } from './association-rules.ts';
import type { TrustStore } from './certificate-chain.ts';
import { checkKosEntry, checkSignatureEntry, type KosEntry, type SignatureEntry } from './document-entry-rules.ts';
import { checkDocumentSignature, sha1Hex } from './document-signature-check.ts';
import { readRegistryObjects, type RegistryObject, slotOf } from './ebrim.ts';
import { type Findings, registryCodes } from './findings.ts';
import { checkKosDocument } from './kos-rules.ts';
import type { FormContext } from './object-rules.ts';
import { checkSubmissionSet, type SubmissionSet } from './submission-set-rules.ts';
import type { Vihf } from './vihf.ts';
import { attributeOf, childrenNamed, isNamed, namespaces, onlyChild, type XmlNode } from './xml-tree.ts';

export interface SubmissionContext extends FormContext {
  readonly trust: TrustStore;
}

/** A submission that obeys every rule of form; whether the registry takes it is another question. */
export interface CheckedSubmission {
  readonly set: SubmissionSet;
  readonly kos: KosEntry;
  readonly signature: SignatureEntry;
  readonly kosBytes: Buffer;
  readonly signatureBytes: Buffer;
  readonly replacesEntryUuid: string | undefined;
}

/** The bytes of each Document element, by its id. */
const readDocuments = (
  content: XmlNode,
  parts: ReadonlyMap<string, Buffer>,
  findings: Findings,
): Map<string, Buffer> => {
  const documents = new Map<string, Buffer>();
  const used = new Set<string>();
  for (const element of childrenNamed(content, namespaces.xdsB, 'Document')) {
    const href = attributeOf(onlyChild(element, namespaces.xop, 'Include'), 'href');
    const id = href.startsWith('cid:') ? decodeURIComponent(href.slice(4)) : '';
    const bytes = parts.get(id);
    if (bytes === undefined || used.has(id)) {
      findings.registry(
        'document/part',
        registryCodes.missingDocument,
        'a Document names no part, or one named before',
      );
      continue;
    }
    used.add(id);
    documents.set(attributeOf(element, 'id'), bytes);
  }
  if (used.size !== parts.size)
    findings.registry('document/unreferenced', registryCodes.missingDocumentMetadata, 'a part is not referenced');
  return documents;
};

const checkHashAndSize = (entry: RegistryObject, bytes: Buffer, findings: Findings): void => {
  const [hash, size] = [slotOf(entry, 'hash'), slotOf(entry, 'size')];
  if (hash !== '' && hash !== sha1Hex(bytes)) {
    findings.registry(
      'document/hash',
      registryCodes.repositoryMetadata,
      `${entry.id}: hash is not that of the received bytes`,
    );
  }
  if (size !== '' && size !== String(bytes.length)) {
    findings.registry(
      'document/size',
      registryCodes.repositoryMetadata,
      `${entry.id}: size is not that of the received bytes`,
    );
  }
};

const kosMediaType = 'application/dicom';
const signatureMediaType = 'text/xml';

export const checkSubmission = (
  content: XmlNode,
  parts: ReadonlyMap<string, Buffer>,
  vihf: Vihf,
  context: SubmissionContext,
  findings: Findings,
): CheckedSubmission | undefined => {
  if (!isNamed(content, namespaces.xdsB, 'ProvideAndRegisterDocumentSetRequest')) {
    findings.registry(
      'submission/content',
      registryCodes.repositoryMetadata,
      'ProvideAndRegisterDocumentSetRequest expected',
    );
    return undefined;
  }
  const list = readRegistryObjects(onlyChild(content, namespaces.lcm, 'SubmitObjectsRequest'));
  const set = checkSubmissionSet(list.packages, vihf, context, findings);
  if (set === undefined) return undefined;
  const kosObjects = list.entries.filter(({ mimeType }) => mimeType === kosMediaType);
  const signatureObjects = list.entries.filter(({ mimeType }) => mimeType === signatureMediaType);
  const [kosObject, signatureObject] = [kosObjects[0], signatureObjects[0]];
  const isPair = kosObjects.length === 1 && signatureObjects.length === 1 && list.entries.length === 2;
  if (kosObject === undefined || signatureObject === undefined || !isPair) {
    findings.registry('submission/entries', registryCodes.repositoryMetadata, 'one KOS and one signature are wanted');
    return undefined;
  }
  const kos = checkKosEntry(kosObject, vihf, context, findings);
  const signature = checkSignatureEntry(signatureObject, vihf, context, findings);
  const ids = { setId: set.id, kosId: kosObject.id, signatureId: signatureObject.id };
  const replacesEntryUuid = checkAssociations(list, ids, findings);
  const documents = readDocuments(content, parts, findings);
  const [kosBytes, signatureBytes] = [documents.get(kosObject.id), documents.get(signatureObject.id)];
  if (kosBytes === undefined || signatureBytes === undefined || documents.size !== 2) {
    findings.registry('document/missing', registryCodes.missingDocument, 'each entry must have its Document');
    return undefined;
  }
  checkHashAndSize(kosObject, kosBytes, findings);
  checkHashAndSize(signatureObject, signatureBytes, findings);
  checkKosDocument(kosBytes, kos, vihf, context, findings);
  checkDocumentSignature(
    signatureBytes,
    {
      submissionSetUniqueId: set.uniqueId,
      signatureUniqueId: signature.uniqueId,
      kosUniqueId: kos.uniqueId,
      kos: kosBytes,
      signerUnit: vihf.signerUnit,
    },
    context,
    findings,
  );
  return { set, kos, signature, kosBytes, signatureBytes, replacesEntryUuid };
};
