/**
 * The SOAP 1.2 envelope of a request: WS-Addressing headers, the VIHF, one body.
 *
 * `mustUnderstand` is written without the SOAP prefix, as every official sample does (decision C6).
 *
 * @see SOAP 1.2 part 1 · WS-Addressing 1.0 SOAP binding · facts/identity.md 4.6
 */
import { element, textElement } from './xml-text.ts';

export const soapNamespace = 'http://www.w3.org/2003/05/soap-envelope';
export const addressingNamespace = 'http://www.w3.org/2005/08/addressing';
const securityNamespace = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';

export interface EnvelopeContent {
  /** `urn:uuid:…`, new for each message. */
  readonly messageId: string;
  readonly to: string;
  readonly action: string;
  /** saml2:Assertion, XML. */
  readonly vihf: string;
  /** XML. */
  readonly body: string;
}

export const buildEnvelope = ({ messageId, to, action, vihf, body }: EnvelopeContent): string => {
  const xmlns = addressingNamespace;
  const header = element(
    'soap:Header',
    {},
    textElement('MessageID', messageId, { xmlns }),
    textElement('To', to, { xmlns }),
    element('ReplyTo', { xmlns, mustUnderstand: 'true' }, textElement('Address', `${xmlns}/anonymous`)),
    textElement('Action', action, { xmlns, mustUnderstand: 'true' }),
    element('wsse:Security', { 'xmlns:wsse': securityNamespace }, vihf),
  );
  const envelope = element('soap:Envelope', { 'xmlns:soap': soapNamespace }, header, element('soap:Body', {}, body));
  return `<?xml version="1.0" encoding="UTF-8"?>${envelope}`;
};
