import { DrimboxError } from '../errors.ts';
import type { Hl7Message } from './hl7-message.ts';
import { type Hl7Options, type SenderOptions, senderOptions } from './hl7-options.ts';

const findKnown = (options: Hl7Options, message: Pick<Hl7Message, 'sender'>): SenderOptions | undefined => {
  const { application, facility } = message.sender;
  return options.senders.find((sender) => sender.application === application && sender.facility === facility);
};

/** Parsed from stand-ins: only the defaults matter, and a sender may have left both fields empty. */
const defaultsFor = ({ sender }: Pick<Hl7Message, 'sender'>): SenderOptions => ({
  ...senderOptions.parse({ application: '-', facility: '-' }),
  application: sender.application,
  facility: sender.facility,
});

/**
 * What is agreed with the sender of a report that was accepted once, or that came with an imported archive: he may have left
 * the list since, and what he sent is still kept true.
 */
export const findAgreement = (options: Hl7Options, message: Pick<Hl7Message, 'sender'>): SenderOptions =>
  findKnown(options, message) ?? defaultsFor(message);

/**
 * Finds what is agreed with the sender of a message: MSH-3.1 and MSH-4.1 both equal, letter for letter. A sender that is
 * not listed has the defaults, where unknown senders are accepted.
 *
 * @throws hl7/sender-not-allowed
 */
export const findSender = (options: Hl7Options, message: Pick<Hl7Message, 'sender'>): SenderOptions => {
  const known = findKnown(options, message);
  if (known !== undefined) return known;
  if (options.unknownSenders === 'refuse') {
    throw new DrimboxError('hl7/sender-not-allowed', {
      detail: 'MSH-3 and MSH-4 are not in the list of senders',
      context: { location: 'MSH^1^3' },
    });
  }
  return defaultsFor(message);
};
