/**
 * What was done, with which modality, on which region: the code of a serviceEvent and its translations.
 *
 * A translation says by its qualifier what it is (121139 modality, 39111-0 region). Without qualifier only the codes
 * of the value sets are taken. Samples before 2022 put the region where the act should stand, sometimes under
 * 1.2.250.1.213.2.5, which is also an OID of CCAM: the form of the code tells them apart.
 *
 * @see CI-SIS IMG-CR-IMG 2024.01 · facts/cisis.md 2.2, 2.4
 */
import { type CodedConcept, modalityConcept, oids, regionConcept } from '../standards/index.ts';
import { attribute, type CdaElement, children, descend } from './cda-element.ts';
import { conceptOf, distinctConcepts } from './concepts.ts';
import type { Warn } from './warnings.ts';

export interface ActCodes {
  /** LOINC as a rule. */
  readonly act?: CodedConcept;
  readonly ccamAct?: CodedConcept;
  readonly modalities: readonly CodedConcept[];
  readonly regions: readonly CodedConcept[];
}

const modalityQualifier = '121139';
const regionQualifier = '39111-0';

const ccamOids: readonly string[] = [oids.ccam, '1.2.250.1.215.300.1'];
const ccamPattern = /^[A-Z]{4}[0-9]{3}/;
const snomedPattern = /^[0-9]{6,18}$/;

type ActCodeKind = 'act' | 'ccam' | 'modality' | 'region' | 'other';

const isUnderCcamOid = (concept: CodedConcept): boolean => ccamOids.includes(concept.codeSystem);

const kindOfCode = (concept: CodedConcept): ActCodeKind => {
  if (isUnderCcamOid(concept)) {
    if (ccamPattern.test(concept.code)) return 'ccam';
    return snomedPattern.test(concept.code) ? 'region' : 'act';
  }
  if (concept.codeSystem === oids.dicomOntology && modalityOf(concept) !== undefined) return 'modality';
  if (concept.codeSystem === oids.snomedCt && regionConcept(concept.code) !== undefined) return 'region';
  return 'act';
};

const kindOfTranslation = (translation: CdaElement, concept: CodedConcept): ActCodeKind => {
  const qualifiers = descend(translation, 'qualifier', 'name').map((name) => attribute(name, 'code'));
  if (qualifiers.includes(modalityQualifier)) return 'modality';
  if (qualifiers.includes(regionQualifier)) return 'region';
  const kind = kindOfCode(concept);
  return kind === 'act' ? 'other' : kind;
};

/** `RM` (résonance magnétique) is the French order of the letters; it is in no value set. */
const modalityOf = (concept: CodedConcept): CodedConcept | undefined =>
  modalityConcept(concept.code === 'RM' ? 'MR' : concept.code);

/** Known codes with the labels of the value set, others as sent; both under the code system of the value set. */
const readModality = (sent: CodedConcept, position: number, warn: Warn): CodedConcept => {
  if (sent.code === 'RM') warn('modality-read-as-mr', position);
  const known = modalityOf(sent);
  if (known === undefined) warn('modality-unknown', position);
  return known ?? { ...sent, codeSystem: oids.dicomOntology };
};

const readRegion = (sent: CodedConcept, position: number, warn: Warn): CodedConcept => {
  const known = regionConcept(sent.code);
  if (known === undefined) warn('region-unknown', position);
  return known ?? { ...sent, codeSystem: isUnderCcamOid(sent) ? oids.snomedCt : sent.codeSystem };
};

/** @param position of the serviceEvent, from 1, for the remarks */
export const parseActCodes = (code: CdaElement | undefined, position: number, warn: Warn): ActCodes => {
  const main = code === undefined ? undefined : conceptOf(code);
  const sorted = (code === undefined ? [] : children(code, 'translation')).flatMap((translation) => {
    const concept = conceptOf(translation);
    return concept === undefined ? [] : [{ kind: kindOfTranslation(translation, concept), concept }];
  });
  const mainKind = main === undefined ? 'other' : kindOfCode(main);
  if (main !== undefined) sorted.unshift({ kind: mainKind, concept: main });
  if (mainKind === 'region') warn('region-in-code', position);

  const ofKind = (kind: ActCodeKind): readonly CodedConcept[] =>
    sorted.filter((entry) => entry.kind === kind).map((entry) => entry.concept);
  const [act] = ofKind('act');
  const [ccamAct] = ofKind('ccam');
  const modalities = distinctConcepts(ofKind('modality').map((sent) => readModality(sent, position, warn)));
  if (modalities.length === 0) warn('modality-missing', position);
  return {
    ...(act === undefined ? {} : { act }),
    ...(ccamAct === undefined ? {} : { ccamAct }),
    modalities,
    regions: distinctConcepts(ofKind('region').map((sent) => readRegion(sent, position, warn))),
  };
};
