/**
 * One request to the DMP and its answer, the same for every transaction: VIHF, envelope, HTTPS, SOAP.
 */
import { asDrimboxError, DrimboxError } from '../errors.ts';
import { encodeMtom, type MtomPart } from './mtom.ts';
import type { DmpOptions } from './options.ts';
import type { Transaction } from './registry-errors.ts';
import { parseSoapAnswer, type SoapAnswer } from './soap-answer.ts';
import { buildEnvelope } from './soap-envelope.ts';
import type { DmpStructure } from './structures.ts';
import type { HttpAnswer } from './transport.ts';
import { buildVihf, type VihfSubject } from './vihf.ts';

/** One exchange as it went over the wire. Holds identities: for the archive alone. */
export interface KeptExchange {
  readonly transaction: Transaction;
  /** WS-Addressing MessageID of the request. */
  readonly messageId: string;
  readonly sentAtUtcMs: number;
  /** The envelope without the documents that travelled beside it. */
  readonly envelope: string;
  readonly httpStatus?: number;
  /** The raw answer, multipart headers included. */
  readonly answer?: string;
  /** When there was no verdict. */
  readonly error?: DrimboxError;
}

export interface DmpPorts {
  /** UTC, milliseconds. */
  readonly clock: () => number;
  /** A random UUID, lower case. */
  readonly newUuid: () => string;
  /** Told of every exchange, answered or not; waited for. A failure of it never changes the outcome of the exchange. */
  readonly keepExchange?: (exchange: KeptExchange) => void | Promise<void>;
  readonly log?: { warn(context: object, message: string): void };
}

export interface ExchangeRequest {
  readonly transaction: Transaction;
  readonly service: 'repository' | 'registry';
  readonly action: string;
  /** XML. */
  readonly body: string;
  /** Documents beside the envelope: makes the request multipart. */
  readonly parts?: readonly MtomPart[];
}

export interface ExchangeAnswer {
  readonly soap: SoapAnswer;
  readonly answer: string;
}

const rawText = (answer: HttpAnswer): string => new TextDecoder('utf-8').decode(answer.body);

/** Address of a service: `https://…/services` + `/repository`. */
export const serviceUrl = (baseUrl: string, service: ExchangeRequest['service']): string =>
  `${baseUrl.replace(/\/+$/, '')}/${service}`;

const packaged = (
  envelope: string,
  request: ExchangeRequest,
  newUuid: () => string,
): { contentType: string; body: Uint8Array } =>
  request.parts === undefined
    ? {
        contentType: `application/soap+xml; charset=UTF-8; action="${request.action}"`,
        body: Buffer.from(envelope, 'utf8'),
      }
    : encodeMtom(envelope, request.parts, request.action, `MIMEBoundary_${newUuid()}`);

const keep = async (ports: DmpPorts, exchange: KeptExchange): Promise<void> => {
  try {
    await ports.keepExchange?.(exchange);
  } catch (error) {
    ports.log?.warn({ code: asDrimboxError(error).code, messageId: exchange.messageId }, 'exchange not kept');
  }
};

/**
 * @throws every transport code (`transport.ts`), every code of an answer that is no SOAP (`soap-answer.ts`),
 *         dmp/value-invalid
 */
export const exchange = async (
  structure: DmpStructure,
  subject: VihfSubject,
  request: ExchangeRequest,
  options: DmpOptions,
  ports: DmpPorts,
): Promise<ExchangeAnswer> => {
  const sentAtUtcMs = ports.clock();
  const messageId = `urn:uuid:${ports.newUuid()}`;
  const to = serviceUrl(options.baseUrl, request.service);
  const stamp = { uuid: ports.newUuid(), issuedAtUtcMs: sentAtUtcMs };
  const vihf = buildVihf(subject, structure.signing, options.lps, options.vihf, stamp);
  const envelope = buildEnvelope({ messageId, to, action: request.action, vihf, body: request.body });
  const sent = { transaction: request.transaction, messageId, sentAtUtcMs, envelope };
  let http: HttpAnswer | undefined;
  const received = (): Pick<KeptExchange, 'httpStatus' | 'answer'> =>
    http === undefined ? {} : { httpStatus: http.httpStatus, answer: rawText(http) };
  try {
    http = await structure.transport.exchange({
      method: 'POST',
      url: to,
      ...packaged(envelope, request, ports.newUuid),
    });
    const soap = parseSoapAnswer(http, messageId);
    await keep(ports, { ...sent, ...received() });
    return { soap, answer: rawText(http) };
  } catch (cause) {
    // Once it was sent, whatever goes wrong here leaves its fate unknown.
    const error =
      cause instanceof DrimboxError || http === undefined
        ? asDrimboxError(cause)
        : new DrimboxError('dmp/answer-invalid', { detail: 'unreadable answer', cause });
    await keep(ports, { ...sent, ...received(), error });
    throw error;
  }
};
