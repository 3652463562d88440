import { z } from 'zod';
import { isAddressRange } from './allowed-addresses.ts';

const path = z.string().min(1);

/** One MLLP port. */
export const mllpListenerOptions = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 for every interface'),
  port: z.int().min(0).max(65_535).default(2575).describe('TCP port; 2575 is the one registered for HL7'),
  tls: z
    .strictObject({
      certificateFile: path.describe('PEM, with its chain'),
      keyFile: path.describe('PEM'),
      caFile: path.optional().describe('PEM; when given, a sender must show a certificate issued under it'),
    })
    .optional()
    .describe('TLS 1.2 or later; absent: plain TCP'),
  allowedAddresses: z
    .array(z.string().refine(isAddressRange, 'expected an IP address or a range such as 10.1.0.0/16'))
    .min(1)
    .optional()
    .describe('Addresses and ranges of the senders; absent: any address, told in the log at every start'),
  maxFrameBytes: z
    .int()
    .min(1024)
    .max(256 * 1024 * 1024)
    .default(20 * 1024 * 1024)
    .describe('Largest message'),
  idleTimeoutSeconds: z.number().positive().max(86_400).default(300).describe('A silent connection is closed after it'),
  maxConnections: z.int().min(1).max(10_000).default(50).describe('Connections at the same time; others are closed'),
});
export type MllpListenerOptions = z.infer<typeof mllpListenerOptions>;

/** What is agreed with one sender (RIS), named by MSH-3.1 and MSH-4.1. */
export const senderOptions = z.strictObject({
  application: z.string().min(1).describe('MSH-3.1, compared exactly'),
  facility: z.string().min(1).describe('MSH-4.1, compared exactly'),
  name: z.string().min(1).optional().describe('Shown to administrators'),
  missingFlag: z
    .enum(['refuse', 'assume-no'])
    .default('assume-no')
    .describe('A visibility flag the message lacks: refuse the message, or take it for N with a warning'),
  missingDestination: z
    .enum(['send', 'do-not-send'])
    .default('send')
    .describe('DESTDMP absent: publish all the same, with a warning, or not'),
  identityStatusAbsent: z.enum(['accept', 'refuse']).default('accept').describe('PID-32 absent (decision A2)'),
  personSource: z
    .enum(['cda', 'prt'])
    .default('cda')
    .describe('Where person and structure of a submission are looked for first (decision A3)'),
  contentType: z.string().min(1).optional().describe('XDS contentTypeCode when PV1-2 is absent, as 07'),
});
export type SenderOptions = z.infer<typeof senderOptions>;

/** The part of it that the reading of a message needs. */
export type SenderPolicy = Pick<SenderOptions, 'missingFlag' | 'missingDestination'>;

/** A sender named once only: two rows could disagree. */
const isEachOnce = (senders: readonly SenderOptions[]): boolean =>
  new Set(senders.map((sender) => JSON.stringify([sender.application, sender.facility]))).size === senders.length;

/** Options of this room. */
export const hl7Options = z.strictObject({
  listeners: z.array(mllpListenerOptions).min(1),
  senders: z.array(senderOptions).refine(isEachOnce, 'a sender is listed twice').default([]),
  unknownSenders: z
    .enum(['accept', 'refuse'])
    .default('accept')
    .describe('Messages of a sender that is not listed: accepted under the default agreement, or refused'),
});
export type Hl7Options = z.infer<typeof hl7Options>;
