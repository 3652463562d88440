/** Sends what the tests built, over TLS with a client certificate. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import type { Credential } from '../ca/openssl-authority.ts';

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export interface ClientFiles {
  readonly rootCertificateFile: string;
  readonly authCli: Credential;
}

export const createTestAgent = (files: ClientFiles, options: { readonly keepAlive?: boolean } = {}): Agent =>
  new Agent({
    ca: readFileSync(files.rootCertificateFile),
    cert: readFileSync(files.authCli.certificateFile),
    key: readFileSync(files.authCli.keyFile),
    keepAlive: options.keepAlive ?? false,
    maxSockets: 4,
  });

export const call = (
  method: 'GET' | 'POST',
  url: string,
  agent: Agent,
  contentType: string,
  body: Buffer,
): Promise<Answer> =>
  new Promise((done, failed) => {
    const headers = { 'content-type': contentType, 'content-length': body.length };
    const sent = request(url, { method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () =>
        done({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', failed);
    sent.end(body);
  });

export const post = (url: string, agent: Agent, contentType: string, body: Buffer): Promise<Answer> =>
  call('POST', url, agent, contentType, body);

export const buildEnvelope = (action: string, to: string, vihf: string, content: string): string =>
  '<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope"><soap:Header>' +
  `<MessageID xmlns="http://www.w3.org/2005/08/addressing">urn:uuid:${randomUUID()}</MessageID>` +
  `<To xmlns="http://www.w3.org/2005/08/addressing">${to}</To>` +
  `<Action xmlns="http://www.w3.org/2005/08/addressing" mustUnderstand="true">${action}</Action>` +
  '<wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">' +
  `${vihf}</wsse:Security></soap:Header><soap:Body>${content}</soap:Body></soap:Envelope>`;

export const plainType = 'application/soap+xml; charset=UTF-8';
export const relatedType =
  'multipart/related; boundary="MIMEBoundary_Exemple"; type="application/xop+xml"; start="<0.1>"; start-info="application/soap+xml"';

const part = (id: string, type: string, bytes: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `--MIMEBoundary_Exemple\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <${id}>\r\n\r\n`,
    ),
    bytes,
    Buffer.from('\r\n'),
  ]);

export const buildRelatedBody = (envelope: string, kos: Buffer, signature: Buffer): Buffer =>
  Buffer.concat([
    part('0.1', 'application/xop+xml; charset=UTF-8; type="application/soap+xml"', Buffer.from(envelope)),
    part('0.3', 'application/octet-stream', signature),
    part('0.2', 'application/octet-stream', kos),
    Buffer.from('--MIMEBoundary_Exemple--\r\n'),
  ]);
