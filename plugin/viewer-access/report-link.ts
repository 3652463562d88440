/**
 * The link of a report to its images: `/IHEInvokeImageDisplay?requestType=STUDY&studyUID=…&accessionNumber=…&idCDA=…`.
 *
 * Pure: nothing is looked up. Every well-formed link gets the same page until somebody has signed in (decision E6).
 * The partial address that a RIS gets in `URL_PARTIELLE_VIEWER` is base64 for its transport in HL7 alone: what a browser
 * opens is the decoded text completed with the report's id, so no base64 is accepted here.
 *
 * @see facts/spec.md b.7 and (d) 5 · IHE RAD Invoke Image Display (RAD-106) · decision E6 · DB.VI-SO.07, DB.VI-SO.08
 */
import { type DocumentId, isOid, parseSeriesInstanceUid, parseStudyInstanceUid } from '../standards/index.ts';

export interface ReportLink {
  readonly studyInstanceUid: string;
  readonly accessionNumber: string;
  /** The whole id of the CDA document. */
  readonly reportId: DocumentId;
  /** The series to open first; it opens no less and no more than its study. */
  readonly seriesInstanceUid?: string;
}

/** Told to the log; the page is one for all. */
export const LinkFault = {
  tooLong: 'too-long',
  encodingInvalid: 'encoding-invalid',
  parameterMissing: 'parameter-missing',
  parameterRepeated: 'parameter-repeated',
  valueInvalid: 'value-invalid',
} as const;
export type LinkFault = (typeof LinkFault)[keyof typeof LinkFault];

export type ParsedLink =
  | { readonly kind: 'link'; readonly link: ReportLink }
  | { readonly kind: 'malformed'; readonly fault: LinkFault };

type Parameter = 'requestType' | 'studyUid' | 'accessionNumber' | 'reportId' | 'seriesUid';

/** Lower-case name → parameter: the spelling of IHE and of the reference, and the keyword of DICOM. */
const parameterNames: Readonly<Record<string, Parameter>> = {
  requesttype: 'requestType',
  studyuid: 'studyUid',
  studyinstanceuid: 'studyUid',
  accessionnumber: 'accessionNumber',
  idcda: 'reportId',
  seriesuid: 'seriesUid',
  seriesinstanceuid: 'seriesUid',
};

/** Four values of some 64 characters, percent-encoded, and what a portal may add. */
const maxQueryCharacters = 2_048;
const maxParameters = 32;
const maxAccessionCharacters = 64;
const maxExtensionCharacters = 128;
const maxRootCharacters = 128;

const malformed = (fault: LinkFault): ParsedLink => ({ kind: 'malformed', fault });

/** Control characters, line ends of Unicode and what turns the direction of a text. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;

/** `+` is a space, as in every query that a form or a RIS writes. @throws URIError */
const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/** The parameters we know, each once; others are left to whoever added them. */
const readParameters = (query: string): ReadonlyMap<Parameter, string> | LinkFault => {
  if (query.length > maxQueryCharacters) return LinkFault.tooLong;
  const fields = query.split('&').filter((field) => field !== '');
  if (fields.length > maxParameters) return LinkFault.tooLong;
  const found = new Map<Parameter, string>();
  for (const field of fields) {
    const [rawName = '', ...rawValue] = field.split('=');
    try {
      const name = decode(rawName).toLowerCase();
      const parameter = Object.hasOwn(parameterNames, name) ? parameterNames[name] : undefined;
      if (parameter === undefined) continue;
      if (found.has(parameter)) return LinkFault.parameterRepeated;
      const value = decode(rawValue.join('='));
      if (unsafe.test(value)) return LinkFault.valueInvalid;
      found.set(parameter, value.trim());
    } catch {
      return LinkFault.encodingInvalid;
    }
  }
  return found;
};

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * `root`, `root_ext` or `root/ext`. A root is an OID or a UUID and holds neither sign: the first one ends it, and the rest
 * belongs to the extension, whatever it is.
 */
const parseReportId = (text: string): DocumentId | undefined => {
  const at = text.search(/[_/]/);
  const root = at === -1 ? text : text.slice(0, at);
  const extension = at === -1 ? '' : text.slice(at + 1);
  if (root.length > maxRootCharacters || extension.length > maxExtensionCharacters) return undefined;
  if (!isOid(root) && !uuid.test(root)) return undefined;
  return extension === '' ? { root } : { root, extension };
};

/** A UID in its form, else undefined. */
const uidOf = (parse: (text: string) => string, text: string): string | undefined => {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
};

const requestTypes: readonly string[] = ['STUDY', 'SERIES'];

/** The series asked for: `undefined` for none, `null` where it does not fit the request. */
const seriesOf = (values: ReadonlyMap<Parameter, string>, requestType: string): string | null | undefined => {
  const text = values.get('seriesUid') ?? '';
  if (text === '') return requestType === 'SERIES' ? null : undefined;
  return uidOf(parseSeriesInstanceUid, text) ?? null;
};

/**
 * Reads the query of a link; order and case of names are free.
 *
 * @param query  what stands after `?`, as the browser sent it
 */
export const parseReportLink = (query: string): ParsedLink => {
  const values = readParameters(query);
  if (typeof values === 'string') return malformed(values);
  const required: readonly Parameter[] = ['requestType', 'studyUid', 'accessionNumber', 'reportId'];
  if (required.some((name) => (values.get(name) ?? '') === '')) return malformed(LinkFault.parameterMissing);
  const requestType = (values.get('requestType') ?? '').toUpperCase();
  const studyInstanceUid = uidOf(parseStudyInstanceUid, values.get('studyUid') ?? '');
  const accessionNumber = values.get('accessionNumber') ?? '';
  const reportId = parseReportId(values.get('reportId') ?? '');
  const seriesInstanceUid = seriesOf(values, requestType);
  const isValid = requestTypes.includes(requestType) && accessionNumber.length <= maxAccessionCharacters;
  if (!isValid || studyInstanceUid === undefined || reportId === undefined || seriesInstanceUid === null) {
    return malformed(LinkFault.valueInvalid);
  }
  const series = seriesInstanceUid === undefined ? {} : { seriesInstanceUid };
  return { kind: 'link', link: { studyInstanceUid, accessionNumber, reportId, ...series } };
};

/** One text for one link, whatever its spelling was: `parseReportLink` reads it back. */
export const encodeReportLink = (link: ReportLink): string => {
  const { root, extension } = link.reportId;
  const isSeries = link.seriesInstanceUid !== undefined;
  const fields: readonly (readonly [string, string])[] = [
    ['requestType', isSeries ? 'SERIES' : 'STUDY'],
    ['studyUID', link.studyInstanceUid],
    ['accessionNumber', link.accessionNumber],
    ['idCDA', extension === undefined ? root : `${root}_${extension}`],
    ...(link.seriesInstanceUid === undefined ? [] : [['seriesUID', link.seriesInstanceUid] as const]),
  ];
  return fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
};
