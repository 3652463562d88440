/**
 * Where care was given: type of facility of the report, practice setting of a structure.
 *
 * @see facts/cisis.md 2.2, 3.3 (XDS healthcareFacilityTypeCode and practiceSettingCode are copied from here)
 */
import { type CodedConcept, facilityTypeConcept, practiceSettingConcept } from '../standards/index.ts';
import { type CdaElement, descend, first } from './cda-element.ts';
import { conceptOf } from './concepts.ts';
import type { Warn } from './warnings.ts';

/** With the label of JDV_J02 where the code is known, else as sent. */
export const parseFacilityType = (document: CdaElement, warn: Warn): CodedConcept | undefined => {
  const at = first(document, 'componentOf', 'encompassingEncounter', 'location', 'healthCareFacility', 'code');
  const sent = at === undefined ? undefined : conceptOf(at);
  if (sent === undefined) {
    warn('facility-type-missing');
    return undefined;
  }
  const known = facilityTypeConcept(sent.code);
  if (known === undefined) warn('facility-type-unknown');
  return known ?? sent;
};

/** With the label of JDV_J04 where the code is known, else as sent. @param organization representedOrganization */
export const practiceSettingOf = (organization: CdaElement | undefined, warn: Warn): CodedConcept | undefined => {
  const at = organization === undefined ? undefined : first(organization, 'standardIndustryClassCode');
  const sent = at === undefined ? undefined : conceptOf(at);
  if (sent === undefined) return undefined;
  const known = practiceSettingConcept(sent.code);
  if (known === undefined) warn('practice-setting-unknown');
  return known ?? sent;
};

/** Of the first author whose structure says one. */
export const authorPracticeSetting = (document: CdaElement, warn: Warn): CodedConcept | undefined =>
  descend(document, 'author', 'assignedAuthor', 'representedOrganization')
    .map((organization) => practiceSettingOf(organization, warn))
    .find((setting) => setting !== undefined);
