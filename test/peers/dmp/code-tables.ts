/**
 * Codes that the metadata of a KOS submission may carry.
 *
 * @see facts/cisis.md 3.2, 3.4 · facts/spec.md b.4.4, b.4.5 · PS3.16 CID 29 (acquisition modalities, edition 2024)
 */
import { oids } from '../../../plugin/standards/index.ts';

export interface FixedCode {
  readonly code: string;
  readonly codingScheme: string;
}

export const kosCodes = {
  classCode: { code: '31', codingScheme: oids.documentClasses },
  typeCode: { code: 'IMG-KOS', codingScheme: oids.documentTypes },
  formatCode: { code: '1.2.840.10008.5.1.4.1.1.88.59', codingScheme: oids.dicomUids },
} as const satisfies Record<string, FixedCode>;

export const signatureCodes = {
  classCode: { code: 'urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1', codingScheme: 'URN' },
  typeCode: { code: 'E1762', codingScheme: 'ASTM' },
  formatCode: { code: 'http://www.w3.org/2000/09/xmldsig#', codingScheme: 'URN' },
} as const satisfies Record<string, FixedCode>;

export const signatureEventCode: FixedCode = { code: '1.2.840.10065.1.12.1.14', codingScheme: '1.2.840.10065.1.12' };

export const visibilityFlags: readonly string[] = ['MASQUE_PS', 'INVISIBLE_PATIENT', 'INVISIBLE_REPRESENTANTS_LEGAUX'];

/** The flags a signature entry always carries. */
export const signatureFlags: readonly string[] = ['MASQUE_PS', 'INVISIBLE_PATIENT'];

export const modalities: ReadonlySet<string> = new Set(
  (
    'AR ASMT AU BDUS BI BMD CR CT CFM DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IVOCT IVUS KER KO LEN LS M3D MG MR NM ' +
    'OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTPLAN RTRECORD RTSTRUCT ' +
    'RTINTENT RTRAD RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC'
  ).split(' '),
);

/** Schemes of event codes: what they code, and whether only older samples use them. */
export const eventCodeSchemes: Readonly<
  Record<string, { readonly kind: 'modality' | 'region' | 'act'; readonly isOld: boolean }>
> = {
  [oids.dicomOntology]: { kind: 'modality', isOld: false },
  [oids.snomedCt]: { kind: 'region', isOld: false },
  '1.2.250.1.213.1.1.5.618': { kind: 'modality', isOld: true },
  '1.2.250.1.213.1.1.5.695': { kind: 'region', isOld: true },
  [oids.ccam]: { kind: 'act', isOld: true },
  [oids.loinc]: { kind: 'act', isOld: true },
};

/** JDV_J59: kinds of care in contentTypeCode are two digits. */
export const contentTypePattern = /^\d\d$/;
/** JDV_J02 in TRE_R02 form. */
export const facilityTypePattern = /^SA\d\d$/;
export const practiceSettingPattern = /^[A-Z][A-Z_]*[A-Z]$/;
