/**
 * Messages as received: every one is kept, the refused too, with the reason (decisions B2, B3).
 *
 * The payload has a retention (decision G2); the row, its digest and its outcome have none.
 */
import { createHash } from 'node:crypto';
import type { Knex } from 'knex';
import type { DrimboxError } from '../errors.ts';

export interface ReceivedMessage {
  readonly receivedAtUtcMs: number;
  readonly peerAddress: string;
  readonly senderApplication: string;
  readonly senderFacility: string;
  /** MSH-10, or empty when it could not be read. */
  readonly controlId: string;
  /** `ORU^R01`, or empty when it could not be read. */
  readonly messageType: string;
  readonly raw: Uint8Array;
}

/** PostgreSQL keeps no U+0000 in a text; the bytes of the message have them still. */
const printable = (text: string): string => text.replaceAll('\u0000', '').slice(0, 1_000);

const toRow = (message: ReceivedMessage) => ({
  received_at_utc_ms: message.receivedAtUtcMs,
  peer_address: message.peerAddress,
  sender_application: printable(message.senderApplication),
  sender_facility: printable(message.senderFacility),
  control_id: printable(message.controlId),
  message_type: printable(message.messageType),
  content_sha256: createHash('sha256').update(message.raw).digest('hex'),
  raw: message.raw,
});

/**
 * Keeps an accepted message, once per sender, control id and content.
 *
 * @returns its id, or `duplicate` when the same message was accepted before
 */
export const saveAcceptedMessage = async (
  trx: Knex.Transaction,
  message: ReceivedMessage,
): Promise<{ kind: 'saved'; id: number } | { kind: 'duplicate' }> => {
  const [row] = await trx('message')
    .insert({ ...toRow(message), outcome: 'accepted' })
    .onConflict()
    .ignore()
    .returning<{ id: number }[]>('id');
  return row === undefined ? { kind: 'duplicate' } : { kind: 'saved', id: Number(row.id) };
};

/** Keeps a refused message and why it was refused. */
export const saveRefusedMessage = async (knex: Knex, message: ReceivedMessage, error: DrimboxError): Promise<void> => {
  await knex('message').insert({
    ...toRow(message),
    outcome: 'refused',
    error_code: error.code,
    error_detail: error.detail,
  });
};

/** Forgets the payload of messages older than `beforeUtcMs`; returns how many. */
export const dropMessagePayloads = (knex: Knex, beforeUtcMs: number): Promise<number> =>
  knex('message').where('received_at_utc_ms', '<', beforeUtcMs).whereNotNull('raw').update({ raw: null });
