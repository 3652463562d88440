/**
 * Anatomic regions a report or a submission may name.
 *
 * @see ANS, JDV_RegionAnatomique_CISIS, 1.2.250.1.213.1.1.5.695, edition 2022-11-14 (codes of SNOMED CT; French labels of the ANS)
 */
import { oids } from './oids.ts';
import type { CodedConcept } from './people.ts';
import { findConcept, type ValueSet } from './value-set.ts';

const region = (code: string, displayName: string): CodedConcept => ({ code, codeSystem: oids.snomedCt, displayName });

export const anatomicRegions: ValueSet = [
  region('63337009', 'segment abdominopelvien du tronc'),
  region('38266002', 'corps entier'),
  region('53120007', 'membre supérieur'),
  region('61685007', 'membre inférieur'),
  region('67734004', 'segment thoracique du tronc'),
  region('774007', 'tête et cou'),
  region('113257007', 'système cardiovasculaire'),
  region('80891009', 'cœur'),
  region('76752008', 'sein'),
  region('737561001', 'colonne vertébrale et/ou moelle épinière'),
];

/** @param code SNOMED CT; undefined when the value set does not have it */
export const regionConcept = (code: string): CodedConcept | undefined => findConcept(anatomicRegions, code);
