/** What the HL7 tests share: an invented document, the usual policy, a quick parse. */
import { DrimboxError } from '../../plugin/errors.ts';
import { parseHl7Message, parseReportTransmission, type SenderPolicy } from '../../plugin/hl7/index.ts';

export const cda = Buffer.from(
  '<?xml version="1.0" encoding="UTF-8"?>\n<!-- invented -->\n<ClinicalDocument xmlns="urn:hl7-org:v3">' +
    '<title>Compte-rendu d’échographie, modèle</title></ClinicalDocument>\n',
);

/** As large as the official samples: some 330 kB of message. */
export const largeCda = Buffer.from(
  `<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">${'<td>invented</td>\n'.repeat(13_600)}</ClinicalDocument>`,
);

export const policy: SenderPolicy = { missingFlag: 'assume-no', missingDestination: 'send' };

export const parseReport = (bytes: Uint8Array, senderPolicy: SenderPolicy = policy) =>
  parseReportTransmission(parseHl7Message(bytes), senderPolicy);

/** Runs and gives the error, which must be ours; its location stands after the code. */
export const refusalOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (!(error instanceof DrimboxError)) throw error;
    return `${error.code} ${error.context['location'] ?? ''}`.trim();
  }
  return 'accepted';
};

/** Replaces one field of one segment (counted from 1) in a list of segments; MSH counts as the standard does. */
export const setField =
  (name: string, field: number, value: string, occurrence = 1) =>
  (segments: string[]) => {
    let seen = 0;
    return segments.map((segment) => {
      if (!segment.startsWith(`${name}|`) || ++seen !== occurrence) return segment;
      const fields = segment.split('|');
      const index = name === 'MSH' ? field - 1 : field;
      while (fields.length <= index) fields.push('');
      fields[index] = value;
      return fields.join('|');
    });
  };

export const without = (name: string) => (segments: string[]) =>
  segments.filter((segment) => !segment.startsWith(`${name}|`));
