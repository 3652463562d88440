/**
 * What came back over HTTP, as a SOAP body, a fault, or the error that its absence is.
 *
 * @see SOAP 1.2 part 1 §5.4 (Fault), part 2 §7.5 (HTTP) · WS-Addressing 1.0 (RelatesTo)
 */
import type { Element } from '@xmldom/xmldom';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { charsetOf, decodeMultipart, isMultipart } from './mtom.ts';
import { addressingNamespace, soapNamespace } from './soap-envelope.ts';
import type { HttpAnswer } from './transport.ts';
import { childElements, childNamed, childrenNamed, isElement, parseXml, rootElement, textOf } from './xml-document.ts';

const soap11Namespace = 'http://schemas.xmlsoap.org/soap/envelope/';
const maxEnvelopeBytes = 8 * 1024 * 1024;

export type SoapAnswer =
  | { readonly kind: 'body'; readonly body: Element }
  | { readonly kind: 'fault'; readonly codes: readonly string[]; readonly reason: string };

const invalid = (detail: string): DrimboxError => new DrimboxError('dmp/answer-invalid', { detail });

/**
 * HTTP statuses that come without a SOAP answer. 503, 429 and 408: surely not taken. A gateway's 500, 502, 504: the DMP
 * behind it may have taken the request.
 */
const codeOfStatus = (status: number): ErrorCode => {
  switch (status) {
    case 408:
    case 429:
    case 503:
      return 'dmp/unavailable';
    case 401:
    case 403:
      return 'dmp/certificate-refused';
    default:
      if (status >= 500) return 'dmp/server-error';
      return status >= 300 ? 'dmp/fault' : 'dmp/answer-invalid';
  }
};

const readFault = (fault: Element): SoapAnswer => {
  const namespace = fault.namespaceURI ?? '';
  if (namespace === soap11Namespace) {
    const child = (name: string): string => textOf(childElements(fault).find((node) => node.localName === name));
    return { kind: 'fault', codes: [child('faultcode')], reason: child('faultstring') };
  }
  const codes: string[] = [];
  let code = childNamed(fault, namespace, 'Code');
  while (code !== undefined && codes.length < 10) {
    codes.push(textOf(childNamed(code, namespace, 'Value')));
    code = childNamed(code, namespace, 'Subcode');
  }
  return { kind: 'fault', codes, reason: textOf(childNamed(fault, namespace, 'Reason')) };
};

const checkRelation = (envelope: Element, namespace: string, messageId: string): void => {
  const header = childNamed(envelope, namespace, 'Header');
  const relations = header === undefined ? [] : childrenNamed(header, addressingNamespace, 'RelatesTo').map(textOf);
  if (relations.length > 0 && !relations.includes(messageId)) throw invalid('the answer is to another message');
};

/**
 * @param xml        the envelope, already out of its multipart
 * @param messageId  of the request: an answer that says it relates to another one is not ours
 * @throws dmp/answer-invalid
 */
export const parseEnvelope = (xml: Uint8Array | string, messageId: string, charset?: string): SoapAnswer => {
  const limits = { maxBytes: maxEnvelopeBytes, ...(charset === undefined ? {} : { charset }) };
  const envelope = rootElement(parseXml(xml, 'dmp/answer-invalid', limits), 'dmp/answer-invalid');
  const namespace = [soapNamespace, soap11Namespace].find((uri) => isElement(envelope, uri, 'Envelope'));
  if (namespace === undefined) throw invalid('not a SOAP envelope');
  const bodies = childrenNamed(envelope, namespace, 'Body');
  const contents = bodies.flatMap(childElements);
  const [content] = contents;
  if (content === undefined || bodies.length !== 1 || contents.length !== 1) throw invalid('not one SOAP body');
  if (isElement(content, namespace, 'Fault')) return readFault(content);
  checkRelation(envelope, namespace, messageId);
  return { kind: 'body', body: content };
};

/**
 * Multipart (MTOM) and plain XML answers alike. A readable envelope counts whatever the HTTP status.
 *
 * @throws dmp/answer-invalid, dmp/unavailable, dmp/server-error, dmp/certificate-refused, dmp/fault
 */
export const parseSoapAnswer = (answer: HttpAnswer, messageId: string): SoapAnswer => {
  try {
    if (!isMultipart(answer.contentType)) {
      return parseEnvelope(answer.body, messageId, charsetOf(answer.contentType));
    }
    const [root] = decodeMultipart(answer.contentType, answer.body);
    return parseEnvelope(root.bytes, messageId, charsetOf(root.headers.get('content-type') ?? ''));
  } catch (cause) {
    if (answer.httpStatus >= 200 && answer.httpStatus < 300) throw cause;
    throw new DrimboxError(codeOfStatus(answer.httpStatus), {
      detail: `HTTP ${answer.httpStatus} without a SOAP answer`,
      context: { httpStatus: answer.httpStatus },
      cause,
    });
  }
};
