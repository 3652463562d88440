import { describe, expect, test } from 'vitest';
import {
  anatomicRegions,
  confidentialityCodes,
  confidentialityConcept,
  contentTypeConcept,
  contentTypeOfPatientClass,
  contentTypes,
  facilityTypeConcept,
  facilityTypes,
  knowHowLabels,
  modalities,
  modalityConcept,
  practiceSettingConcept,
  pharmacistSectionLabels,
  practiceSettings,
  professionLabels,
  regionConcept,
  trainingProfessionLabels,
} from '../../plugin/standards/index.ts';

describe('value sets', () => {
  test.each([
    ['modalities', modalities, 49],
    ['regions', anatomicRegions, 10],
    ['facility types', facilityTypes, 69],
    ['practice settings', practiceSettings, 12],
    ['confidentiality', confidentialityCodes, 6],
    ['content types', contentTypes, 5],
  ])('%s have each code once and a label', (_, valueSet, count) => {
    expect(new Set(valueSet.map(({ code }) => code)).size).toBe(count);
    expect(valueSet).toHaveLength(count);
    expect(valueSet.every(({ displayName }) => displayName.trim() !== '')).toBe(true);
  });

  test('give a concept for a code, and nothing for an unknown one or another case', () => {
    expect(modalityConcept('CT')).toEqual({
      code: 'CT',
      codeSystem: '1.2.840.10008.2.16.4',
      displayName: 'Tomodensitométrie',
    });
    expect(regionConcept('80891009')?.displayName).toBe('cœur');
    expect(facilityTypeConcept('SA08')).toMatchObject({
      codeSystem: '1.2.250.1.71.4.2.4',
      displayName: 'Cabinet de groupe',
    });
    expect(facilityTypeConcept('SNR')?.codeSystem).toBe('1.2.250.1.213.1.1.4.6');
    expect(practiceSettingConcept('AMBULATOIRE')?.codeSystem).toBe('1.2.250.1.213.1.1.4.9');
    expect(confidentialityConcept('MASQUE_PS')?.codeSystem).toBe('1.2.250.1.213.1.1.4.13');
    for (const unknown of ['RM', 'ct', '', 'toString']) expect(modalityConcept(unknown)).toBeUndefined();
  });

  test.each([
    ['I', '03'],
    ['O', '07'],
    ['R', '19'],
    ['N', '97'],
    ['E', '07'],
  ])('patient class %s is content type %s (IG mapping.md)', (patientClass, code) => {
    expect(contentTypeOfPatientClass(patientClass)).toMatchObject({ code, codeSystem: '1.2.250.1.213.2.2' });
  });

  test('another patient class has none: the configuration decides', () => {
    for (const patientClass of ['', 'B', 'i', 'constructor'])
      expect(contentTypeOfPatientClass(patientClass)).toBeUndefined();
    expect(contentTypeConcept('04')?.displayName).toBe('Hospitalisation de Jour');
  });
});

describe('labels of professions and qualifications (JDV_J01)', () => {
  test.each([
    ['professions', professionLabels, 104, '10', 'Médecin'],
    ['professions in training', trainingProfessionLabels, 4, '50', 'Sage-Femme en formation'],
    ['sections of pharmacists', pharmacistSectionLabels, 16, 'G', 'Pharmacien biologiste'],
    ['know-how', knowHowLabels, 265, 'SM44', 'Radio-diagnostic (SM)'],
  ])('%s have a label each', (_, labels, count, code, label) => {
    expect(Object.keys(labels)).toHaveLength(count);
    expect(Object.entries(labels).filter(([one, text]) => !/^[0-9A-Z]+$/.test(one) || text.trim() === '')).toEqual([]);
    expect(labels[code]).toBe(label);
  });
});
