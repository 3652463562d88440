/**
 * Builds the report messages of the profile "Transmission de document(s) CDA en HL7v2" 2.1 around a given CDA.
 *
 * Every person, structure and identifier here is invented: INS under the test OID, all else under 1.2.250.1.999999.
 */
import { type Base64Form, encodeDocument, encodeMessage, type MessageForm } from './message-form.ts';

export type FlagCode =
  | 'MASQUE_PS'
  | 'INVISIBLE_PATIENT'
  | 'INVISIBLE_REP_LEGAUX'
  | 'CONNEXION_SECRETE'
  | 'MODIF_CONF_CODE'
  | 'DESTDMP';

export interface MessagePatient {
  /** null: no INS repetition. */
  readonly ins?: string | null;
  readonly insOid?: string;
  readonly insIssuer?: string;
  /** null: no IPP repetition. */
  readonly ipp?: string | null;
  readonly ippOid?: string;
  readonly birthFamilyName?: string;
  readonly firstBirthGivenName?: string;
  readonly birthGivenNames?: string;
  readonly usedFamilyName?: string;
  readonly birthDate?: string;
  readonly sex?: string;
  readonly birthPlace?: string;
  /** null: PID-32 left out. */
  readonly identityStatus?: string | null;
}

export interface MessageSender {
  readonly personId?: string;
  readonly familyName?: string;
  readonly givenName?: string;
  readonly personIdType?: string;
  readonly organizationName?: string;
  readonly organizationId?: string;
  readonly organizationIdType?: string;
}

export interface ReportMessageOptions extends MessageForm {
  readonly cda: Uint8Array;
  readonly controlId?: string;
  readonly action?: 'initial' | 'replace' | 'delete';
  /** To disagree with `action` on purpose. */
  readonly orderControl?: string;
  readonly resultStatus?: string;
  readonly event?: string;
  readonly version?: string;
  readonly processingId?: string;
  readonly profile?: string;
  readonly sendingApplication?: string;
  readonly sendingFacility?: string;
  readonly sentAt?: string;
  readonly patient?: MessagePatient;
  /** PV1-2; null: no PV1 segment. */
  readonly patientClass?: string | null;
  /** null: no PRT segment. */
  readonly sender?: MessageSender | null;
  /** TXA-12, MDM only: `root`, or `extension^^root^ISO`. */
  readonly documentId?: string;
  /** TXA-13, MDM only. */
  readonly parentDocumentId?: string;
  /** `Y`, `N`, anything; null: no OBX for that flag. */
  readonly flags?: Partial<Record<FlagCode, string | null>>;
  readonly base64?: Base64Form;
  /** OBX-5.5 as it is, instead of `cda` in base64. */
  readonly payload?: string;
  /** Changes the segments at the last moment. */
  readonly edit?: (segments: string[]) => string[];
}

export const reportCode = "18748-4^CR d'imagerie médicale^LN";

const codesOf = {
  initial: { order: 'NW', result: 'F', event: 'T02' },
  replace: { order: 'RO', result: 'C', event: 'T10' },
  delete: { order: 'CA', result: 'D', event: 'T04' },
} as const;

const flagLabels: Record<FlagCode, string> = {
  MASQUE_PS: 'Masqué aux professionnels de Santé',
  INVISIBLE_PATIENT: 'Document Non Visible par le patient',
  INVISIBLE_REP_LEGAUX: 'Non visible par les représentants Légaux du patient',
  CONNEXION_SECRETE: 'Connexion Secrete',
  MODIF_CONF_CODE: 'Modification Confidentiality Code',
  DESTDMP: 'Destinataire DMP',
};
const usualFlags: Record<FlagCode, string> = {
  MASQUE_PS: 'N',
  INVISIBLE_PATIENT: 'N',
  INVISIBLE_REP_LEGAUX: 'N',
  CONNEXION_SECRETE: 'N',
  MODIF_CONF_CODE: 'N',
  DESTDMP: 'Y',
};

const buildMsh = (options: ReportMessageOptions, messageType: string, version: string): string => {
  const from = `${options.sendingApplication ?? 'RIS-EXEMPLE'}|${options.sendingFacility ?? 'CENTRE-EXEMPLE'}`;
  const sentAt = options.sentAt ?? '20250114093000';
  const id = `${options.controlId ?? 'EX0001'}|${options.processingId ?? 'T'}|${options.version ?? version}`;
  const profile = options.profile ?? '2.1^CISIS_CDA_HL7_V2';
  const charset = options.charset ?? 'UNICODE UTF-8';
  return `MSH|^~\\&|${from}|DRIMBOX|CENTRE-EXEMPLE|${sentAt}||${messageType}|${id}|||||FRA|${charset}|||${profile}`;
};

const buildPid = (patient: MessagePatient): string => {
  const { ins = '290017512345604', ipp = 'IPP-EX-1', identityStatus = 'VALI' } = patient;
  const insOid = patient.insOid ?? '1.2.250.1.213.1.4.10';
  const identifiers = [
    ...(ins === null ? [] : [`${ins}^^^${patient.insIssuer ?? 'ASIP-SANTE-INS-NIR'}&${insOid}&ISO^INS`]),
    ...(ipp === null ? [] : [`${ipp}^^^AUT-EXEMPLE&${patient.ippOid ?? '1.2.250.1.999999.1.1'}&ISO^PI`]),
  ].join('~');
  const family = patient.birthFamilyName ?? 'EXEMPLE';
  const given = patient.firstBirthGivenName ?? 'ANNA';
  const names = [
    `${family}^${given}^${patient.birthGivenNames ?? 'ANNA MARIE'}^^^^L`,
    ...(patient.usedFamilyName === undefined ? [] : [`${patient.usedFamilyName}^${given}^^^^^D`]),
  ].join('~');
  const address = `^^^^^^BDL^^${patient.birthPlace ?? '75101'}`;
  const born = `${patient.birthDate ?? '19900101'}|${patient.sex ?? 'F'}`;
  const status = identityStatus === null ? '' : `${'|'.repeat(21)}${identityStatus}`;
  return `PID|||${identifiers}||${names}||${born}|||${address}${status}`;
};

const buildPrt = (sender: MessageSender): string => {
  const name = `${sender.familyName ?? 'MODELE'}^${sender.givenName ?? 'Paul'}`;
  const authority = `ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^${sender.personIdType ?? 'RPPS'}`;
  const person = `${sender.personId ?? '899900000001'}^${name}^^^^^^${authority}`;
  const organizationType = `ASIP-SANTE-ST&1.2.250.1.71.4.2.2&ISO^${sender.organizationIdType ?? 'FINEG'}`;
  const organizationName = sender.organizationName ?? 'Centre Exemple';
  const organization = `${organizationName}^^^^^${organizationType}^^^${sender.organizationId ?? '999900019'}`;
  return `PRT||UC||SB^Send by^participation|${person}|||${organization}`;
};

const buildFlags = (options: ReportMessageOptions, dataType: string): string[] => {
  const values: Record<string, string | null> = { ...usualFlags, ...options.flags };
  const codes = (Object.keys(flagLabels) as FlagCode[]).filter((code) => values[code] !== null);
  return codes.map((code, index) => {
    const value = `${values[code]}^^expandedYes-NoIndicator`;
    return `OBX|${index + 2}|${dataType}|${code}^${flagLabels[code]}^MetaDMPMSS||${value}||||||F`;
  });
};

const buildDocumentSegments = (options: ReportMessageOptions, dataType: string, form: string): string[] => {
  const { result } = codesOf[options.action ?? 'initial'];
  const content = options.payload ?? encodeDocument(options.cda, options.base64 ?? {});
  const status = options.resultStatus ?? result;
  return [
    `OBX|1|ED|${reportCode}||^${form}^XML^Base64^${content}||||||${status}`,
    ...(options.sender === null ? [] : [buildPrt(options.sender ?? {})]),
    ...buildFlags(options, dataType),
  ];
};

const buildVisit = (patientClass: string | null | undefined): string[] =>
  patientClass === null ? [] : [`PV1|1|${patientClass ?? 'O'}|UF-EX`];

const finish = (segments: string[], options: ReportMessageOptions): Uint8Array =>
  encodeMessage(options.edit === undefined ? segments : options.edit(segments), options);

/** ORU^R01, HL7 2.5. */
export const buildOru = (options: ReportMessageOptions): Uint8Array => {
  const { order } = codesOf[options.action ?? 'initial'];
  const segments = [
    buildMsh(options, `ORU^${options.event ?? 'R01'}^ORU_R01`, '2.5'),
    buildPid(options.patient ?? {}),
    ...buildVisit(options.patientClass),
    `ORC|${options.orderControl ?? order}`,
    `OBR|1|||${reportCode}`,
    ...buildDocumentSegments(options, 'CE', 'TEXT'),
  ];
  return finish(segments, options);
};

/** MDM^T02, T10, T04, HL7 2.6. */
export const buildMdm = (options: ReportMessageOptions): Uint8Array => {
  const { order, event } = codesOf[options.action ?? 'initial'];
  const documentId = options.documentId ?? '1.2.250.1.999999.3.1';
  const segments = [
    buildMsh(options, `MDM^${options.event ?? event}^MDM_T02`, '2.6'),
    `EVN||${options.sentAt ?? '20250114093000'}`,
    buildPid(options.patient ?? {}),
    ...buildVisit(options.patientClass),
    `ORC|${options.orderControl ?? order}`,
    `OBR|1|||${reportCode}`,
    `TXA|1|18748-4|TEXT|||||||||${documentId}|${options.parentDocumentId ?? ''}||||AU`,
    ...buildDocumentSegments(options, 'CWE', 'text'),
  ];
  return finish(segments, options);
};
