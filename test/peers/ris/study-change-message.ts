/** Builds OMI^O23, by which the imaging department says that a study changed. Invented identifiers. */
import { encodeMessage, type MessageForm } from './message-form.ts';

export interface StudyChangeOptions extends MessageForm {
  readonly studyInstanceUids: readonly string[];
  readonly controlId?: string;
  readonly processingId?: string;
  readonly version?: string;
  readonly profile?: string;
  /** ORC-1: `NW` (with ORC-5 `SC`) changed, `CA` deleted. */
  readonly orderControl?: string;
  readonly orderStatus?: string;
  /** IPC-1, the same for all studies. */
  readonly accessionNumber?: string;
  readonly edit?: (segments: string[]) => string[];
}

/** OMI^O23, HL7 2.5.1: one order for each study. */
export const buildOmi = (options: StudyChangeOptions): Uint8Array => {
  const charset = `FRA|${options.charset ?? 'UNICODE UTF-8'}|||${options.profile ?? ''}`;
  const id = `${options.controlId ?? 'EX0101'}|${options.processingId ?? 'T'}|${options.version ?? '2.5.1'}`;
  const segments = [
    `MSH|^~\\&|PACS-EXEMPLE|CENTRE-EXEMPLE|DRIMBOX|CENTRE-EXEMPLE|20250115100000||OMI^O23^OMI_O23|${id}|||||${charset}`,
    'PID|||290017512345604^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS||EXEMPLE^ANNA^ANNA^^^^L||19900101|F',
    'PV1|1|O',
    ...options.studyInstanceUids.flatMap((uid, index) => [
      `ORC|${options.orderControl ?? 'NW'}||||${options.orderStatus ?? 'SC'}`,
      'TQ1|||||||20250115100000',
      `OBR|${index + 1}|||18748-4^CR d'imagerie médicale^LN`,
      'OBX|1|ST|Modification Examen Imagerie||||||||O',
      `IPC|${options.accessionNumber ?? `ACN-EX-${index + 1}`}|RP-EX|${uid}|SPS-EX|CT||||PACS_EX`,
    ]),
  ];
  return encodeMessage(options.edit === undefined ? segments : options.edit(segments), options);
};
