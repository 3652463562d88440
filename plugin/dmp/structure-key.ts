/**
 * One spelling for the identifiers of a structure, so that a report's form and the configuration's meet.
 *
 * @see Struct_IdNat: `1` + FINESS, `2` + SIREN, `3` + SIRET, `4` + RPPS and rank · facts/cisis.md 2.4 (bare FINESS: an
 *      assumption, official samples carry both forms)
 */
import { structIdNat } from '../standards/index.ts';

/** A bare FINESS gets its `1`, a bare SIRET its `3`; anything else is kept. Compare keys, do not send them. */
export const structureKey = (id: string): string => {
  const compact = id.replace(/\s/g, '').toUpperCase();
  return /^[0-9]{14}$/.test(compact) ? `3${compact}` : structIdNat(compact);
};
