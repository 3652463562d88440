/**
 * CR.TXT: which report a manifest accompanies, and its patient, in one line of six fields:
 * `root;extension;INS;OID of the INS;IPP;OID of the IPP's issuer`. Fields that are not known are empty.
 *
 * @see facts/spec.md b.15 · facts/poc.md 7.2
 */
import { DrimboxError } from '../errors.ts';
import {
  type DocumentId,
  documentIdKey,
  type InsIdentifier,
  isOid,
  type IssuedIdentifier,
  parseInsIdentifier,
} from '../standards/index.ts';

export interface ReportReference {
  readonly documentId: DocumentId;
  readonly ins: InsIdentifier;
  readonly ipp?: IssuedIdentifier;
}

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const maxKeyLength = 512;
const maxIdentifierLength = 256;

const invalid = (detail: string, cause?: unknown): DrimboxError =>
  new DrimboxError('archive/xdm-report-invalid', { detail, ...(cause === undefined ? {} : { cause }) });

/** @throws archive/xdm-report-invalid — a value that a line of fields cannot hold */
export const buildReportReference = ({ documentId, ins, ipp }: ReportReference): string => {
  const fields = [documentId.root, documentId.extension, ins.value, ins.oid, ipp?.value, ipp?.issuerOid];
  const line = fields.map((field) => field ?? '').join(';');
  // An extension may hold a semicolon: the four last fields cannot.
  const isClear = [...fields.slice(0, 1), ...fields.slice(2)].every((field) => field?.includes(';') !== true);
  if (isClear && !/[\u0000-\u001f\u007f]/.test(line)) return line;
  throw invalid('an identifier holds a separator or a line end');
};

const parseIns = (value: string, oid: string): InsIdentifier => {
  try {
    return parseInsIdentifier(value, oid);
  } catch (cause) {
    throw invalid('its INS is none', cause);
  }
};

/** @throws archive/xdm-report-invalid */
export const parseReportReference = (source: Uint8Array): ReportReference => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(source).trim();
  } catch (cause) {
    throw invalid('not UTF-8', cause);
  }
  if (/[\u0000-\u001f\u007f]/.test(text)) throw invalid('more than one line');
  const fields = text.split(';').map((field) => field.trim());
  if (fields.length < 6) throw invalid(`${fields.length} fields instead of six`);
  const [root = '', ...rest] = fields;
  const [ins = '', insOid = '', ipp = '', ippOid = ''] = rest.splice(-4);
  const extension = rest.join(';');
  const isRoot = (oid: string): boolean => isOid(oid) || uuidPattern.test(oid);
  if (!isRoot(root)) throw invalid('the identifier of the report is neither OID nor UUID');
  if (ippOid !== '' && !isRoot(ippOid)) throw invalid('the issuer of the IPP is neither OID nor UUID');
  const documentId = { root, ...(extension === '' ? {} : { extension }) };
  if (documentIdKey(documentId).length > maxKeyLength || ipp.length > maxIdentifierLength) {
    throw invalid('an identifier is too long');
  }
  return {
    documentId,
    ins: parseIns(ins, insOid),
    ...(ipp === '' ? {} : { ipp: { value: ipp, ...(ippOid === '' ? {} : { issuerOid: ippOid }) } }),
  };
};
