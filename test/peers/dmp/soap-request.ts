/**
 * From the bytes of an HTTP request to a SOAP message with its parts.
 *
 * @see SOAP 1.2 · WS-Addressing 1.0 · W3C MTOM, XOP · facts/spec.md b.4.2
 */
import { type MediaType, parseMediaType } from './content-type.ts';
import { faultCodes, type Findings } from './findings.ts';
import { decodePart, MimeError, type MimePart, parseMimeParts } from './mime-related.ts';
import type { Transaction, Endpoint } from './transactions.ts';
import { transactionOf, transactions } from './transactions.ts';
import {
  childrenNamed,
  isNamed,
  namespaces,
  onlyChild,
  type ParsedXml,
  parseXml,
  XmlInvalid,
  type XmlNode,
} from './xml-tree.ts';

export interface HttpRequest {
  readonly endpoint: Endpoint;
  readonly contentType: string;
  readonly body: Buffer;
}

export interface SoapMessage {
  readonly xml: ParsedXml;
  readonly header: XmlNode;
  /** The only child of Body. */
  readonly content: XmlNode;
  readonly transaction: Transaction;
  readonly messageId: string;
  /** Binary parts by Content-ID without `<>`; empty for a plain SOAP message. */
  readonly parts: ReadonlyMap<string, Buffer>;
}

const soapMediaType = 'application/soap+xml';
const rootMediaType = 'application/xop+xml';

const withoutBrackets = (id: string): string => id.replace(/^<(.*)>$/, '$1');

const checkPlainType = (media: MediaType | undefined, findings: Findings): void => {
  if (media?.type !== soapMediaType) findings.http('http/content-type', 415, `${soapMediaType} expected`);
  else if ((media.parameters.get('charset') ?? 'utf-8').toLowerCase() !== 'utf-8') {
    findings.http('http/charset', 415, 'charset UTF-8 expected');
  }
};

const checkRelatedType = (media: MediaType | undefined, findings: Findings): void => {
  if (media?.type !== 'multipart/related') {
    findings.http('http/content-type', 415, 'multipart/related expected');
    return;
  }
  const { parameters } = media;
  if (parameters.get('type') !== rootMediaType) findings.http('http/type', 415, `type="${rootMediaType}" expected`);
  if (!parameters.has('start')) findings.http('http/start', 400, 'parameter start missing');
  if (parameters.get('start-info') !== soapMediaType)
    findings.http('http/start-info', 415, `start-info="${soapMediaType}" expected`);
};

const checkRootPart = (root: MimePart, findings: Findings): void => {
  const media = parseMediaType(root.headers.get('content-type') ?? '');
  if (media?.type !== rootMediaType || media.parameters.get('type') !== soapMediaType) {
    findings.http('mime/root-type', 415, `root part must be ${rootMediaType}; type="${soapMediaType}"`);
  } else if ((media.parameters.get('charset') ?? '').toLowerCase() !== 'utf-8') {
    findings.http('mime/root-charset', 415, 'root part must say charset=UTF-8');
  }
};

interface RelatedBody {
  readonly root: Buffer;
  readonly parts: ReadonlyMap<string, Buffer>;
}

const readRelated = (request: HttpRequest, media: MediaType, findings: Findings): RelatedBody | undefined => {
  try {
    const parts = parseMimeParts(request.body, media.parameters.get('boundary') ?? '');
    const byId = new Map<string, MimePart>();
    for (const part of parts) {
      const id = part.headers.get('content-id') ?? '';
      if (!/^<[^<>\s]+>$/.test(id) || byId.has(id)) throw new MimeError('Content-ID missing, malformed or repeated');
      byId.set(withoutBrackets(id), part);
    }
    const start = withoutBrackets(media.parameters.get('start') ?? '');
    const root = byId.get(start);
    if (root === undefined) throw new MimeError('no part has the Content-ID of the parameter start');
    checkRootPart(root, findings);
    byId.delete(start);
    return { root: decodePart(root), parts: new Map([...byId].map(([id, part]) => [id, decodePart(part)])) };
  } catch (error) {
    if (!(error instanceof MimeError)) throw error;
    findings.http('mime/form', 400, error.message);
    return undefined;
  }
};

const addressed = (header: XmlNode, name: string): XmlNode | undefined =>
  onlyChild(header, namespaces.addressing, name);

const checkAddressing = (header: XmlNode, endpoint: Endpoint, findings: Findings): void => {
  const action = addressed(header, 'Action');
  const mustUnderstand =
    action?.attributes.get('mustUnderstand') ?? action?.attributes.get(`{${namespaces.soap}}mustUnderstand`);
  if (mustUnderstand !== 'true' && mustUnderstand !== '1') {
    findings.fault('soap/action-must-understand', faultCodes.invalidRequest, 'Action without mustUnderstand');
  }
  if (
    !/^urn:uuid:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/.test(
      addressed(header, 'MessageID')?.text.trim() ?? '',
    )
  ) {
    findings.fault('soap/message-id', faultCodes.invalidRequest, 'MessageID must be a urn:uuid');
  }
  const to = addressed(header, 'To')?.text.trim();
  if (to === undefined) findings.fault('soap/to', faultCodes.invalidRequest, 'To missing');
  else if (to === '') findings.tolerate('soap/to-empty', 'To is empty, as in samples of the DMP');
  else if (!to.endsWith(`/services/${endpoint}`))
    findings.fault('soap/to', faultCodes.invalidRequest, 'To names another service');
};

/** Reads the message as far as it can; what is wrong goes to `findings`. The caller disposes `xml`. */
export const readSoapRequest = (request: HttpRequest, findings: Findings): SoapMessage | undefined => {
  const media = parseMediaType(request.contentType);
  const isRelated = request.endpoint === 'repository';
  if (isRelated) checkRelatedType(media, findings);
  else checkPlainType(media, findings);
  if (media === undefined || !findings.isClean) return undefined;
  const body = isRelated
    ? readRelated(request, media, findings)
    : { root: request.body, parts: new Map<string, Buffer>() };
  if (body === undefined) return undefined;
  let xml: ParsedXml;
  try {
    xml = parseXml(body.root);
  } catch (error) {
    if (!(error instanceof XmlInvalid)) throw error;
    findings.http('soap/xml', 400, `envelope: ${error.message}`);
    return undefined;
  }
  const message = readEnvelope(xml, request.endpoint, body.parts, findings);
  if (message === undefined) xml.dispose();
  return message;
};

const readEnvelope = (
  xml: ParsedXml,
  endpoint: Endpoint,
  parts: ReadonlyMap<string, Buffer>,
  findings: Findings,
): SoapMessage | undefined => {
  const header = onlyChild(xml.root, namespaces.soap, 'Header');
  const bodies = childrenNamed(xml.root, namespaces.soap, 'Body');
  const content = bodies[0]?.children[0];
  const isEnvelope =
    isNamed(xml.root, namespaces.soap, 'Envelope') && bodies.length === 1 && bodies[0]?.children.length === 1;
  if (!isEnvelope || header === undefined || content === undefined) {
    findings.fault(
      'soap/envelope',
      faultCodes.invalidRequest,
      'not a SOAP 1.2 envelope with one Header and one content',
    );
    return undefined;
  }
  const action = addressed(header, 'Action')?.text.trim() ?? '';
  const transaction = transactionOf(endpoint, action);
  if (transaction === undefined) {
    const known = Object.values(transactions).some((each) => each.action === action);
    findings.fault(
      'soap/action',
      faultCodes.invalidRequest,
      known ? 'Action of another service' : 'Action not supported',
    );
    return undefined;
  }
  checkAddressing(header, endpoint, findings);
  return { xml, header, content, transaction, parts, messageId: addressed(header, 'MessageID')?.text.trim() ?? '' };
};
