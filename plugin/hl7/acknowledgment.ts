import type { DrimboxError } from '../errors.ts';
import { applicationErrorConditions, messageErrorConditions } from './error-conditions.ts';
import type { Hl7Message } from './hl7-message.ts';
import type { HeaderGuess } from './message-header.ts';

/** What the sender is told. */
export type AcknowledgmentOutcome =
  /** We keep the message and answer for it from now on: the row is committed. */
  { readonly kind: 'accepted' } | { readonly kind: 'refused'; readonly error: DrimboxError };

/** MSH-10 and MSH-7 of the acknowledgment. */
export interface AcknowledgmentStamp {
  readonly controlId: string;
  readonly atUtcMs: number;
}

/** A field of the request as it is given back: no control characters, no excessive length. */
const fieldOf = (header: HeaderGuess, field: number): string =>
  (header.fields[field] ?? '').replace(/\p{Cc}/gu, (control) => (control < '\u0080' ? '' : control)).slice(0, 250);

/** `YYYYMMDDHHMMSS+0000` */
const timestamp = (atUtcMs: number): string =>
  `${new Date(atUtcMs).toISOString().slice(0, 19).replace(/[-:T]/g, '')}+0000`;

const buildHeader = (header: HeaderGuess, stamp: AcknowledgmentStamp): string => {
  const { field, component, repetition, escape, subcomponent } = header.separators;
  const event = fieldOf(header, 9).split(component)[1] ?? '';
  const version = fieldOf(header, 12);
  return [
    'MSH',
    component + repetition + escape + subcomponent,
    fieldOf(header, 5),
    fieldOf(header, 6),
    fieldOf(header, 3),
    fieldOf(header, 4),
    timestamp(stamp.atUtcMs),
    '',
    event === '' ? 'ACK' : ['ACK', event, 'ACK'].join(component),
    stamp.controlId,
    fieldOf(header, 11) || 'P',
    version || '2.5',
    '',
    '',
    '',
    '',
    'FRA',
    fieldOf(header, 18),
  ].join(field);
};

/** ERR-2 of a location that is one; ERR never holds anything of the message but positions. */
const buildLocation = (error: DrimboxError, component: string): string => {
  const location = String(error.context.location ?? '');
  return /^[A-Z][A-Z0-9]{2}(\^[0-9]+(\^[0-9]+)?)?$/.test(location) ? location.split('^').join(component) : '';
};

const buildError = (header: HeaderGuess, error: DrimboxError): string => {
  const { field, component } = header.separators;
  const { condition, applicationCode } = error.ack;
  const coded = (code: number, text: string, table: string): string => [code, text, table].join(component);
  const fields = [
    'ERR',
    '',
    buildLocation(error, component),
    coded(condition, messageErrorConditions[condition] ?? '', 'messageErrorCondition'),
    'E',
  ];
  if (applicationCode !== undefined) {
    const text = applicationErrorConditions[applicationCode] ?? '';
    fields.push(coded(applicationCode, text, 'applicationErrorCondition'));
  }
  return fields.join(field);
};

/**
 * Builds ACK: MSH, MSA and, when refused, ERR. Sender and receiver change places; MSH-10 goes to MSA-2; MSH-11, 12 and
 * 18 are given back. What is given back is copied byte for byte and all the rest is ASCII, so that the acknowledgment is
 * in the charset it declares, whatever that is. The separators are those of the message.
 *
 * @param request  the message, or what could be read of one that is not readable
 * @returns        the bytes, without MLLP
 * @see IG profils-messages, ACK · facts/cisis.md 1.6
 */
export const buildAcknowledgment = (
  request: Pick<Hl7Message, 'header'> | HeaderGuess,
  outcome: AcknowledgmentOutcome,
  stamp: AcknowledgmentStamp,
): Uint8Array => {
  const header = 'header' in request ? request.header : request;
  const code = outcome.kind === 'accepted' ? 'AA' : outcome.error.ack.code;
  const segments = [
    buildHeader(header, stamp),
    ['MSA', code, fieldOf(header, 10)].join(header.separators.field),
    ...(outcome.kind === 'accepted' ? [] : [buildError(header, outcome.error)]),
  ];
  return new Uint8Array(Buffer.from(segments.map((segment) => `${segment}\r`).join(''), 'latin1'));
};
