/** What the stand-in writes: envelopes, faults, registry responses. @see SOAP 1.2 · rs.xsd, query.xsd · facts/identity.md 4.6, 4.7 */
import { answerActions, type Transaction } from './transactions.ts';
import { namespaces } from './xml-tree.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

export interface AnswerStamp {
  readonly uuid: string;
  /** MessageID of the request; '' when it had none. */
  readonly relatesTo: string;
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const responseStatus = 'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:';
const severity = 'urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error';

export interface RegistryError {
  readonly errorCode: string;
  readonly codeContext: string;
}

const errorList = (errors: readonly RegistryError[]): string =>
  errors.length === 0
    ? ''
    : `<rs:RegistryErrorList highestSeverity="${severity}">${errors
        .map(
          ({ errorCode, codeContext }) =>
            `<rs:RegistryError codeContext="${escapeXml(codeContext)}" errorCode="${escapeXml(errorCode)}" location="" severity="${severity}"/>`,
        )
        .join('')}</rs:RegistryErrorList>`;

export type ResponseStatus = 'Success' | 'Failure' | 'PartialSuccess';

export const buildRegistryResponse = (status: ResponseStatus, errors: readonly RegistryError[] = []): string =>
  `<rs:RegistryResponse xmlns:rs="${namespaces.rs}" status="${responseStatus}${status}">${errorList(errors)}</rs:RegistryResponse>`;

/** @see IHE ITI TF-2 §3.18: ObjectRef answers */
export const buildQueryResponse = (
  status: ResponseStatus,
  entryUuids: readonly string[],
  errors: readonly RegistryError[] = [],
): string =>
  `<query:AdhocQueryResponse xmlns:query="${namespaces.query}" xmlns:rs="${namespaces.rs}" xmlns:rim="${namespaces.rim}"` +
  ` status="${responseStatus}${status}" totalResultCount="${entryUuids.length}">${errorList(errors)}` +
  `<rim:RegistryObjectList>${entryUuids.map((id) => `<rim:ObjectRef id="${escapeXml(id)}"/>`).join('')}</rim:RegistryObjectList>` +
  '</query:AdhocQueryResponse>';

const envelope = (action: string, content: string, stamp: AnswerStamp): string => {
  const addressed = (name: string, text: string): string =>
    `<${name} xmlns="${namespaces.addressing}">${escapeXml(text)}</${name}>`;
  const header = [
    addressed('Action', action),
    addressed('MessageID', `urn:uuid:${stamp.uuid}`),
    addressed('To', 'http://www.w3.org/2005/08/addressing/anonymous'),
    ...(stamp.relatesTo === '' ? [] : [addressed('RelatesTo', stamp.relatesTo)]),
  ];
  return (
    `<soap:Envelope xmlns:soap="${namespaces.soap}"><soap:Header>${header.join('')}</soap:Header>` +
    `<soap:Body>${content}</soap:Body></soap:Envelope>`
  );
};

const soapType = 'application/soap+xml; charset=UTF-8';

/** ITI-41 is answered in multipart/related, as the DMP does; the registry answers plain SOAP. */
export const buildAnswer = (transaction: Transaction, content: string, stamp: AnswerStamp): HttpAnswer => {
  const xml = envelope(answerActions[transaction], content, stamp);
  if (transaction !== 'provideAndRegister') return { status: 200, contentType: soapType, body: Buffer.from(xml) };
  const boundary = `uuid:${stamp.uuid}`;
  const rootId = 'root.message@cxf.apache.org';
  const head =
    `\r\n--${boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n` +
    `Content-Transfer-Encoding: binary\r\nContent-ID: <${rootId}>\r\n\r\n`;
  return {
    status: 200,
    contentType: `multipart/related; type="application/xop+xml"; boundary="${boundary}"; start="<${rootId}>"; start-info="application/soap+xml"`,
    body: Buffer.from(`${head}${xml}\r\n--${boundary}--`),
  };
};

/** HTTP 500 for every Fault, as CXF answers: an assumption. */
export const buildFault = (
  subcode: string,
  reason: string,
  stamp: AnswerStamp,
  side: 'Sender' | 'Receiver' = 'Sender',
): HttpAnswer => {
  const content =
    `<soap:Fault><soap:Code><soap:Value>soap:${side}</soap:Value><soap:Subcode><soap:Value>soap:${escapeXml(subcode)}</soap:Value></soap:Subcode>` +
    `</soap:Code><soap:Reason><soap:Text xml:lang="fr">${escapeXml(reason)}</soap:Text></soap:Reason></soap:Fault>`;
  const action = 'http://www.w3.org/2005/08/addressing/soap/fault';
  return { status: 500, contentType: soapType, body: Buffer.from(envelope(action, content, stamp)) };
};

export const buildPlainAnswer = (status: number, text: string): HttpAnswer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: Buffer.from(text),
});
