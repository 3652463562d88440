import { isInsOid, type IssuedIdentifier } from '../standards/index.ts';
import { refusal } from './refusal.ts';
import type { Repetition, Segment } from './segment.ts';

/** The patient as PID tells it; nothing is required but an identifier. Compared with the CDA elsewhere (decision A2). */
export interface IdentifiedPatient {
  /** `issuer`: CX-4.1, as `ASIP-SANTE-INS-NIR`; the form is not checked. */
  readonly ins?: { readonly value: string; readonly oid: string; readonly issuer: string };
  readonly ipp?: IssuedIdentifier;
  readonly birthFamilyName?: string;
  readonly firstBirthGivenName?: string;
  /** All birth given names, as sent. */
  readonly birthGivenNames?: string;
  readonly usedFamilyName?: string;
  readonly usedGivenName?: string;
  /** `YYYYMMDD` or a beginning of it. */
  readonly birthDate?: string;
  /** PID-8 as sent. */
  readonly sex?: string;
  /** INSEE code of the place or country of birth. */
  readonly birthPlace?: string;
  /** PID-32, repetitions joined by `~`: `VALI` alone means qualified. */
  readonly identityStatus?: string;
}

const isNamed = (identifier: Repetition): boolean => identifier.value(1) !== '';
/** CX-8 ends the validity of an identifier: the history of a patient's INS is sent this way. */
const isExpired = (identifier: Repetition): boolean => identifier.value(8) !== '';
const identifierKey = (identifier: Repetition): string => `${identifier.value(1)} ${identifier.value(4, 2)}`;

/** By OID, whatever the order; CX-5 `INS` only where no OID says so. */
const selectIns = (pid: Segment): Repetition | undefined => {
  const current = pid.repetitions(3).filter((identifier) => isNamed(identifier) && !isExpired(identifier));
  const byOid = current.filter((identifier) => isInsOid(identifier.value(4, 2)));
  const candidates = byOid.length > 0 ? byOid : current.filter((identifier) => identifier.value(5) === 'INS');
  if (new Set(candidates.map(identifierKey)).size > 1) {
    throw refusal('hl7/field-invalid', pid.location(3), 'several current INS');
  }
  return candidates[0];
};

const parseIpp = (pid: Segment): IssuedIdentifier | undefined => {
  const found = pid.repetitions(3).find((identifier) => isNamed(identifier) && identifier.value(5) === 'PI');
  if (found === undefined) return undefined;
  const issuerOid = found.value(4, 2);
  return { value: found.value(1), ...(issuerOid === '' ? {} : { issuerOid }) };
};

/** XPN-7 `L`: birth (legal) name; one without type counts as such when it is the only one. */
const selectName = (pid: Segment, type: 'L' | 'D'): Repetition | undefined => {
  const names = pid.repetitions(5);
  const typed = names.find((name) => name.value(7) === type);
  const [only] = names;
  return typed ?? (type === 'L' && names.length === 1 && only?.value(7) === '' ? only : undefined);
};

/** Keeps what is not empty, so that absent stays absent. */
const present = <Shape extends Readonly<Record<string, string | undefined>>>(values: Shape) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== '')) as {
    readonly [Key in keyof Shape]?: string;
  };

/**
 * @throws hl7/field-missing when PID-3 is empty · hl7/field-invalid when it holds two current INS
 * @see facts/cisis.md 1.3 (PID) · IHE PAM France
 */
export const parsePatientIdentification = (pid: Segment): IdentifiedPatient => {
  if (!pid.repetitions(3).some(isNamed)) throw refusal('hl7/field-missing', pid.location(3), 'PID-3 is empty');
  const ins = selectIns(pid);
  const ipp = parseIpp(pid);
  const birthName = selectName(pid, 'L');
  const usedName = selectName(pid, 'D');
  const birthAddress = pid.repetitions(11).find((address) => address.value(7) === 'BDL');
  return {
    ...(ins === undefined ? {} : { ins: { value: ins.value(1), oid: ins.value(4, 2), issuer: ins.value(4, 1) } }),
    ...(ipp === undefined ? {} : { ipp }),
    ...present({
      birthFamilyName: birthName?.value(1),
      firstBirthGivenName: birthName?.value(2),
      birthGivenNames: birthName?.value(3),
      usedFamilyName: usedName?.value(1),
      usedGivenName: usedName?.value(2),
      birthDate: /^[0-9]{4,8}/.exec(pid.value(7))?.[0],
      sex: pid.value(8),
      birthPlace: birthAddress?.value(9),
      identityStatus: pid
        .repetitions(32)
        .map((status) => status.value(1))
        .join('~'),
    }),
  };
};
