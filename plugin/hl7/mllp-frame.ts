/**
 * The three bytes of the Minimal Lower Layer Protocol.
 *
 * @see HL7 "Transport Specification: MLLP, Release 1" · IHE ITI TF-2 appendix C.2.1
 */

/** `<SB>`, vertical tab. */
export const startBlock = 0x0b;
/** `<EB>`, file separator. */
export const endBlock = 0x1c;
export const carriageReturn = 0x0d;
export const lineFeed = 0x0a;

/** Wraps a message: `<SB> message <EB><CR>`. */
export const encodeMllp = (message: Uint8Array): Uint8Array => {
  const frame = new Uint8Array(message.length + 3);
  frame[0] = startBlock;
  frame.set(message, 1);
  frame[message.length + 1] = endBlock;
  frame[message.length + 2] = carriageReturn;
  return frame;
};
