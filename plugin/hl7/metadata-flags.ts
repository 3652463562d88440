import type { Visibility } from '../standards/index.ts';
import type { Hl7Message } from './hl7-message.ts';
import { refusal } from './refusal.ts';
import type { Segment } from './segment.ts';
import type { SenderPolicy } from './hl7-options.ts';

/**
 * Codes of OBX-3 in the system `MetaDMPMSS` that matter to us, each with older spellings seen in samples.
 *
 * @see IG meta-dmp-mss · facts/cisis.md 1.5
 */
const flagSpellings = {
  MASQUE_PS: ['MASQUE_PS'],
  INVISIBLE_PATIENT: ['INVISIBLE_PATIENT'],
  INVISIBLE_REP_LEGAUX: ['INVISIBLE_REP_LEGAUX', 'INVISIBLE_REPRESENTANTS_LEGAUX', 'INVISIBLE_REPRENSANTS_LEGAUX'],
  CONNEXION_SECRETE: ['CONNEXION_SECRETE'],
  MODIF_CONF_CODE: ['MODIF_CONF_CODE', 'MODIF_CONFIDENTIALITYCODE'],
  DESTDMP: ['DESTDMP'],
} as const;
type FlagName = keyof typeof flagSpellings;

/** Codes of the same system that are for the messaging of documents, not for a DRIMbox. */
const otherCodes: ReadonlySet<string> = new Set([
  'DESTMSSANTEPS',
  'DESTMSSANTEPAT',
  'ACK_RECEPTION',
  'ACK_LECTURE',
  'ACK_LECTURE_MSS',
  'CORPSMAIL_PS',
  'CORPSMAIL_PATIENT',
  'COMP_LOT',
]);

const flagSystem = 'METADMPMSS';
/** A code we do not know that may well hide the document from somebody: a misspelled one must not expose it. */
const soundsRestrictive = /^(INVISIBLE|MASQU|CONNEXION)/;

const flagNamed = (code: string): FlagName | undefined =>
  (Object.keys(flagSpellings) as FlagName[]).find((name) => flagSpellings[name].some((spelling) => spelling === code));

/** OBX-5 `Y^^expandedYes-NoIndicator`; undefined when it is empty. */
const parseFlagValue = (observation: Segment): boolean | undefined => {
  const value = observation.value(5).toUpperCase();
  if (value === '') return undefined;
  if (value === 'Y') return true;
  if (value === 'N') return false;
  throw refusal('hl7/value-unknown', observation.location(5), 'a flag is neither Y nor N');
};

const readFlags = (message: Hl7Message): { readonly flags: Map<FlagName, boolean>; readonly warnings: string[] } => {
  const flags = new Map<FlagName, boolean>();
  const warnings: string[] = [];
  for (const observation of message.all('OBX')) {
    const code = observation.value(3).toUpperCase();
    const name = flagNamed(code);
    if (name === undefined) {
      if (observation.value(3, 3).toUpperCase() !== flagSystem || otherCodes.has(code)) continue;
      if (soundsRestrictive.test(code)) {
        throw refusal(
          'hl7/value-unknown',
          observation.location(3),
          'a restriction of visibility that is not in the table',
        );
      }
      warnings.push(`flag-unknown:OBX^${observation.sequence}`);
      continue;
    }
    const value = parseFlagValue(observation);
    if (value === undefined) continue;
    if (flags.has(name) && flags.get(name) !== value) {
      throw refusal('hl7/field-invalid', observation.location(5), `${name} is given twice and differs`);
    }
    flags.set(name, value);
  }
  return { flags, warnings };
};

/** What the flags of a message say. */
export interface MetadataFlags {
  readonly visibility: Visibility;
  /** MODIF_CONF_CODE */
  readonly changesConfidentiality: boolean;
  /** DESTDMP */
  readonly sentToDmp: boolean;
  /** `flag-missing:<name>` · `flag-unknown:OBX^<n>` */
  readonly warnings: readonly string[];
}

/**
 * Reads who may see the report and whether it goes to the DMP. A flag that is absent or empty follows the policy of the
 * sender. A known code counts whatever its coding system: ignoring it would show what is to be hidden.
 *
 * @throws hl7/field-missing (policy `refuse`), hl7/field-invalid, hl7/value-unknown
 */
export const parseMetadataFlags = (message: Hl7Message, policy: SenderPolicy): MetadataFlags => {
  const { flags, warnings } = readFlags(message);
  const read = (name: FlagName, assumed: boolean): boolean => {
    const value = flags.get(name);
    if (value !== undefined) return value;
    if (name !== 'DESTDMP' && policy.missingFlag === 'refuse') {
      throw refusal('hl7/field-missing', 'OBX', `no OBX for ${name}`);
    }
    warnings.push(`flag-missing:${name}`);
    return assumed;
  };
  return {
    visibility: {
      maskedFromProfessionals: read('MASQUE_PS', false),
      invisibleToPatient: read('INVISIBLE_PATIENT', false),
      invisibleToRepresentatives: read('INVISIBLE_REP_LEGAUX', false),
      secretConnection: read('CONNEXION_SECRETE', false),
    },
    changesConfidentiality: read('MODIF_CONF_CODE', false),
    sentToDmp: read('DESTDMP', policy.missingDestination === 'send'),
    warnings,
  };
};
