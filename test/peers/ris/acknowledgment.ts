/** What a RIS reads in an acknowledgment. */
export interface AcknowledgmentError {
  /** ERR-2, as `OBX^1^5`. */
  readonly location: string;
  /** ERR-3.1 */
  readonly condition: string;
  /** ERR-3.2 */
  readonly conditionText: string;
  /** ERR-4 */
  readonly severity: string;
  /** ERR-5.1, empty when absent. */
  readonly applicationCode: string;
}

export interface Acknowledgment {
  /** MSA-1 */
  readonly code: string;
  /** MSA-2: the message it answers. */
  readonly controlId: string;
  /** MSH-9 */
  readonly messageType: string;
  readonly errors: readonly AcknowledgmentError[];
  /** As received, one character per byte. */
  readonly text: string;
  readonly bytes: Uint8Array;
  /** MSH-n. */
  header(field: number): string;
}

/** Reads MSH, MSA and ERR with the separators of the answer itself. */
export const readAcknowledgment = (bytes: Uint8Array): Acknowledgment => {
  const text = Buffer.from(bytes).toString('latin1');
  const segments = text.split('\r').filter((line) => line !== '');
  const separator = text.charAt(3);
  const component = text.charAt(4);
  const fieldsOf = (name: string): string[][] =>
    segments.filter((line) => line.startsWith(name)).map((line) => line.split(separator));
  const msh = fieldsOf('MSH')[0] ?? [];
  const msa = fieldsOf('MSA')[0] ?? [];
  const errors = fieldsOf('ERR').map((err): AcknowledgmentError => {
    const [condition = '', conditionText = ''] = (err[3] ?? '').split(component);
    return {
      location: (err[2] ?? '').split(component).join('^'),
      condition,
      conditionText,
      severity: err[4] ?? '',
      applicationCode: (err[5] ?? '').split(component)[0] ?? '',
    };
  });
  return {
    code: msa[1] ?? '',
    controlId: msa[2] ?? '',
    messageType: msh[8] ?? '',
    errors,
    text,
    bytes,
    header: (field) => (field === 1 ? separator : (msh[field - 1] ?? '')),
  };
};
