/**
 * The report as a document: its identifiers and lineage, its level, title, time, language and confidentiality.
 *
 * @see CI-SIS "Structuration minimale" · facts/cisis.md 2.2 · decision B1
 */
import { type CodedConcept, confidentialityConcept, type DocumentId, oids } from '../standards/index.ts';
import {
  attribute,
  type CdaElement,
  children,
  descend,
  fieldInvalid,
  fieldMissing,
  first,
  isNull,
  only,
  required,
  requiredAttribute,
  textOf,
} from './cda-element.ts';
import { documentIdOf } from './identifiers.ts';
import { isTimestamp } from './timestamps.ts';
import type { Warn } from './warnings.ts';

interface DocumentHeader {
  readonly documentId: DocumentId;
  readonly setId?: DocumentId;
  readonly versionNumber?: number;
  readonly replaces: readonly DocumentId[];
  readonly level: 1 | 3;
  readonly title: string;
  readonly effectiveTime: string;
  readonly languageCode: string;
  readonly confidentiality: CodedConcept;
}

/** @throws report/field-missing, report/field-invalid */
export const parseDocumentHeader = (document: CdaElement, warn: Warn): DocumentHeader => ({
  documentId: parseDocumentId(required(document, 'id')),
  ...parseVersion(document, warn),
  replaces: parseReplaced(document, warn),
  level: parseLevel(document),
  title: parseTitle(document, warn),
  effectiveTime: parseEffectiveTime(required(document, 'effectiveTime')),
  languageCode: parseLanguage(document, warn),
  confidentiality: parseConfidentiality(document, warn),
});

const parseDocumentId = (id: CdaElement): DocumentId => {
  const documentId = documentIdOf(id);
  if (documentId !== undefined) return documentId;
  if (isNull(id)) throw fieldMissing(id.path);
  requiredAttribute(id, 'root');
  throw fieldInvalid(id.path, 'root is neither an OID nor a UUID, or the extension is too long');
};

const parseVersion = (document: CdaElement, warn: Warn): Pick<DocumentHeader, 'setId' | 'versionNumber'> => {
  const set = first(document, 'setId');
  const setId = set === undefined ? undefined : documentIdOf(set);
  if (set !== undefined && setId === undefined) warn('set-id-invalid');
  const version = first(document, 'versionNumber');
  const number = version === undefined ? undefined : attribute(version, 'value');
  const isNumber = number !== undefined && /^[0-9]{1,9}$/.test(number);
  if (number !== undefined && !isNumber) warn('version-invalid');
  return {
    ...(setId === undefined ? {} : { setId }),
    ...(isNumber ? { versionNumber: Number(number) } : {}),
  };
};

/** A parent without a usable id is left out: TXA-13 or the study may still tell the lineage (decision B1). */
const parseReplaced = (document: CdaElement, warn: Warn): readonly DocumentId[] =>
  children(document, 'relatedDocument')
    .filter((related) => attribute(related, 'typeCode') === 'RPLC')
    .flatMap((related) => {
      const parents = descend(related, 'parentDocument', 'id').flatMap((id) => documentIdOf(id) ?? []);
      if (parents.length === 0) warn('replaced-document-invalid');
      return parents;
    });

const parseLevel = (document: CdaElement): 1 | 3 => {
  const component = required(document, 'component');
  const isPdf = only(component, 'nonXMLBody') !== undefined;
  const isStructured = only(component, 'structuredBody') !== undefined;
  if (isPdf && isStructured) throw fieldInvalid(component.path, 'two bodies');
  if (!isPdf && !isStructured) throw fieldMissing(`${component.path}/nonXMLBody`);
  return isPdf ? 1 : 3;
};

const parseTitle = (document: CdaElement, warn: Warn): string => {
  const title = textOf(first(document, 'title'));
  if (title === undefined) warn('title-missing');
  return title ?? '';
};

const parseEffectiveTime = (at: CdaElement): string => {
  const value = requiredAttribute(at, 'value');
  if (!isTimestamp(value)) throw fieldInvalid(`${at.path}/@value`, 'not an HL7 timestamp');
  return value;
};

const parseLanguage = (document: CdaElement, warn: Warn): string => {
  const at = first(document, 'languageCode');
  const code = at === undefined ? undefined : attribute(at, 'code');
  if (code === undefined) warn('language-missing');
  return code ?? 'fr-FR';
};

/** The first one counts. Required: without it nobody knows whether the report is an ordinary one. */
const parseConfidentiality = (document: CdaElement, warn: Warn): CodedConcept => {
  const at = first(document, 'confidentialityCode');
  if (at === undefined) throw fieldMissing(`${document.path}/confidentialityCode`);
  const code = requiredAttribute(at, 'code');
  const codeSystem = attribute(at, 'codeSystem') ?? oids.confidentiality;
  const known = confidentialityConcept(code);
  if (known?.codeSystem === codeSystem) return known;
  warn('confidentiality-unknown');
  return { code, codeSystem, displayName: attribute(at, 'displayName') ?? '' };
};
