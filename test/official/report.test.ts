import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { pairOrder, parseImagingReport } from '../../plugin/report/index.ts';
import {
  anatomicRegions,
  confidentialityCodes,
  facilityTypes,
  modalities,
  practiceSettings,
  type ValueSet,
} from '../../plugin/standards/index.ts';
import { buildCda, type CdaOverrides } from '../fixtures/report/build-cda.ts';
import { refusalOf } from '../fixtures/report/refusal.ts';

const shared = new URL('../../../shared/', import.meta.url);
const hasShared = existsSync(shared);
if (!hasShared) console.warn('test/official/report: skipped, the official samples (../shared) are absent');

const sample = (name: string): Uint8Array => readFileSync(new URL(`data/cda/${name}`, shared));

const loinc = (code: string, displayName: string) => ({ code, codeSystem: '2.16.840.1.113883.6.1', displayName });
const radiologist = {
  code: 'G15_10/SM44',
  codeSystem: '1.2.250.1.213.1.1.4.5',
  displayName: 'Médecin - Radio-diagnostic (SM)',
};
const normal = { code: 'N', codeSystem: '2.16.840.1.113883.5.25', displayName: 'Normal' };
const outpatient = { code: 'AMBULATOIRE', codeSystem: '1.2.250.1.213.1.1.4.9', displayName: 'Ambulatoire' };
const groupPractice = { code: 'SA08', codeSystem: '1.2.250.1.71.4.2.4', displayName: 'Cabinet de groupe' };
const modality = (code: string, displayName: string) => ({ code, codeSystem: '1.2.840.10008.2.16.4', displayName });
const region = (code: string, displayName: string) => ({ code, codeSystem: '2.16.840.1.113883.6.96', displayName });
const patient = (ipp: { value: string; issuerOid: string }, birthGivenNames: string, birthPlace: string) => ({
  ins: { value: '279035121518989', oid: '1.2.250.1.213.1.4.10' },
  ipp,
  birthFamilyName: 'PAT-TROIS',
  firstBirthGivenName: 'DOMINIQUE',
  birthGivenNames,
  usedFamilyName: 'PAT-TROIS',
  usedGivenName: 'DOMINIQUE',
  birthDate: '19790328',
  sex: 'F',
  birthPlace,
});

describe.skipIf(!hasShared)('official reports: exactly what is read', () => {
  const bideault = { id: '801234560801', familyName: 'BIDEAULT', givenName: 'Jacques', specialty: radiologist };
  const dart = { id: '801234560804', familyName: 'Dart', givenName: 'Thierry', specialty: radiologist };
  const ambroise = { id: '101235555', name: 'Centre de radiologie Ambroise' };
  const boulogne = { id: '101235554', name: 'Centre de radiologie boulogne' };
  const ipp = { value: 'IPP101', issuerOid: '1.2.250.1.213.4.5.2.4' };
  const initial = {
    documentId: { root: '1.2.250.1.213.4.5.4.402' },
    setId: { root: 'D52DE737-001D-4031-B571-0A0ED7C42300' },
    versionNumber: 1,
    replaces: [],
    level: 1,
    title: 'CR d’imagerie médicale',
    effectiveTime: '20210108111700+0100',
    languageCode: 'fr-FR',
    confidentiality: normal,
    patient: patient(ipp, 'DOMINIQUE', '63220'),
    localPatientIds: [ipp],
    authors: [
      { person: bideault, organization: ambroise },
      { person: dart, organization: boulogne },
    ],
    legalAuthenticator: { person: dart, organization: boulogne },
    custodian: ambroise,
    facilityType: groupPractice,
    practiceSetting: outpatient,
    orders: [
      {
        placerOrderNumber: { value: 'OPN102', issuerOid: '1.2.250.1.213.4.5.2.6' },
        accessionNumber: { value: 'ACN102', issuerOid: '1.2.250.1.213.4.5.2.5' },
      },
    ],
    studies: [
      {
        studyInstanceUid: '1.2.250.1.213.4.5.2.1.102',
        act: loinc('24802-1', 'RM genou'),
        ccamAct: {
          code: 'NZQN001',
          codeSystem: '1.2.250.1.213.2.5',
          displayName:
            'Remnographie [IRM] unilatérale ou bilatérale de segment du membre inférieur, sans injection de produit de contraste',
        },
        modalities: [modality('MR', 'Résonance magnétique')],
        regions: [region('61685007', 'membre inférieur')],
        start: '20210108102500+0100',
        stop: '20210108111700+0100',
        performer: ambroise,
        practiceSetting: outpatient,
      },
    ],
    warnings: ['modality-read-as-mr:1'],
  };

  test('ris_transmission_initiale: study 102, modality RM read as MR', () => {
    expect(parseImagingReport(sample('ris_transmission_initiale_cr_imagerie.xml'))).toEqual(initial);
  });

  test('ris_remplacement: version 2 replaces 402, all else the same', () => {
    expect(parseImagingReport(sample('ris_remplacement_cr_imagerie.xml'))).toEqual({
      ...initial,
      documentId: { root: '1.2.250.1.213.4.5.4.403' },
      versionNumber: 2,
      replaces: [{ root: '1.2.250.1.213.4.5.4.402' }],
    });
  });

  test('IMG_CR_IMG 2024.01: three studies, one order, the serviceEvent without id ignored, a UUID replaced (B1, B4, B5)', () => {
    const report = parseImagingReport(sample('IMG_CR_IMG_2024.01_CDA-R2-Niveau-1.xml'));
    const site = { id: '1750803447', name: 'Centre de radiologie Ambroise' };
    const sitePatientId = { value: '1234567890121', issuerOid: '1.2.3.4.567.8.9.10' };
    const ccam = (code: string, displayName: string) => ({ code, codeSystem: '1.2.250.1.215.300.1', displayName });
    const scan = {
      modalities: [modality('CT', 'Tomodensitométrie')],
      start: '20210108102500+0100',
      stop: '20210108111700+0100',
      performer: site,
      practiceSetting: outpatient,
    };
    expect(report).toEqual({
      documentId: { root: '1.2.250.1.213.1.1.1.45.2024.2.1' },
      setId: { root: '1.2.250.1.213.1.1.1.45.2024.2' },
      versionNumber: 2,
      replaces: [{ root: '90E1C8EC-F951-4B26-A305-A34848818DD6' }],
      level: 1,
      title: 'CR d’imagerie médicale - Scanner Tête + Cou + Thorax avec injection',
      effectiveTime: '20210108111700+0100',
      languageCode: 'fr-FR',
      confidentiality: normal,
      patient: patient(sitePatientId, 'DOMINIQUE MARIE-LOUISE', '51215'),
      localPatientIds: [sitePatientId],
      authors: [{ person: bideault, organization: site }],
      legalAuthenticator: { person: bideault, organization: site },
      custodian: site,
      facilityType: groupPractice,
      practiceSetting: outpatient,
      orders: [
        {
          placerOrderNumber: { value: '984375862', issuerOid: '1.2.250.1.748.12345678.12' },
          accessionNumber: { value: '105234751', issuerOid: '1.2.250.1.925.994044.27' },
        },
      ],
      studies: [
        {
          ...scan,
          studyInstanceUid: '1.2.250.1.925.994044.27.123.1876350',
          act: loinc('24727-0', 'CT Head W contrast IV'),
          ccamAct: ccam(
            'ACQH004',
            'Scanographie du crâne, de son contenu et du tronc, avec injection intraveineuse de produit de contraste',
          ),
          regions: [region('774007', 'tête et cou')],
        },
        {
          ...scan,
          studyInstanceUid: '1.2.250.1.925.994044.27.123.1876351',
          act: loinc('36235-0', 'CT Neck W contrast IV'),
          ccamAct: ccam(
            'LCQH001',
            'Scanographie des tissus mous du cou, avec injection intraveineuse de produit de contraste',
          ),
          regions: [region('774007', 'tête et cou')],
        },
        {
          ...scan,
          studyInstanceUid: '1.2.250.1.925.994044.27.123.1876352',
          act: loinc('24978-9', 'CT Thoracic spine'),
          ccamAct: ccam('ZBQH001', 'Scanographie du thorax, avec injection intraveineuse de produit de contraste'),
          regions: [region('67734004', 'segment thoracique du tronc')],
        },
      ],
      warnings: [],
    });
    for (const i of [0, 1, 2]) {
      expect(pairOrder(report.orders, report.studies, i)).toEqual({ kind: 'paired', order: report.orders[0] });
    }
  });

  test('mdm_CR_Radio: extension studyInstanceUID, region in the code, no modality, a signer without structure', () => {
    const { ipp: _, usedGivenName: __, ...identity } = patient(ipp, 'DOMINIQUE', '63220');
    const author = { id: '801234564895', familyName: 'Eric', givenName: 'Thomas' };
    const organization = { id: '1120456789', name: 'Organisation-Y' };
    const hospital = {
      code: 'ETABLISSEMENT',
      codeSystem: '1.2.250.1.213.1.1.4.9',
      displayName: 'Etablissement de santé',
    };
    expect(parseImagingReport(sample('mdm_CR_Radio_CDAN1_v1.xml'))).toEqual({
      documentId: { root: '1.2.250.1.71.4.2.2.120456789.71024000081' },
      versionNumber: 1,
      replaces: [],
      level: 1,
      title: 'Radio de hanche',
      effectiveTime: '20050411103328',
      languageCode: 'fr-FR',
      confidentiality: normal,
      patient: identity,
      localPatientIds: [],
      authors: [{ person: author, organization }],
      legalAuthenticator: { person: author },
      custodian: organization,
      facilityType: { code: 'SA07', codeSystem: '1.2.250.1.71.4.2.4', displayName: 'Cabinet individuel' },
      practiceSetting: hospital,
      orders: [
        {
          placerOrderNumber: { value: '12989855963', issuerOid: '2.16.840.1.113883.6.96' },
          accessionNumber: { value: '7252295367250056', issuerOid: '1.2.840.113619.6.197' },
        },
      ],
      studies: [
        {
          studyInstanceUid: '1.3.6.1.4.1.5962.99.1.3711725607.829148806.1687338938407.3.0',
          modalities: [],
          regions: [region('69536005', 'Tete')],
          start: '20230227102827+0200',
          stop: '20230227102827+0200',
          performer: { id: '300000000023911', name: 'CENTRE HOSPITALIER XXXXXX' },
          practiceSetting: hospital,
        },
      ],
      warnings: ['region-in-code:1', 'modality-missing:1', 'region-unknown:1', 'legal-authenticator-incomplete'],
    });
  });

  test('IMG-DA-IMG: an imaging request is not taken for a report', () => {
    expect(refusalOf(sample('IMG-DA-IMG_2024.01_Radiographie_IRM_Genou.xml'))).toEqual({
      code: 'report/type-unsupported',
      location: '/ClinicalDocument/code',
    });
  });
});

describe.skipIf(!hasShared)('value sets: the tables are those published', () => {
  const conceptPattern = /<Concept\s+code="([^"]*)"\s+codeSystem="([^"]*)"[^>]*?displayName="([^"]*)"/gs;
  const published = (file: string): ValueSet => {
    const xml = readFileSync(new URL(`data/valuesets/${file}.xml`, shared), 'utf8');
    return [...xml.matchAll(conceptPattern)].map(([, code = '', codeSystem = '', displayName = '']) => ({
      code,
      codeSystem,
      displayName,
    }));
  };

  test.each([
    ['JDV_ModaliteAcquisition_CISIS', modalities],
    ['JDV_RegionAnatomique_CISIS', anatomicRegions],
    ['JDV_J02_XdsHealthcareFacilityTypeCode_CISIS', facilityTypes],
    ['JDV_J04_XdsPracticeSettingCode_CISIS', practiceSettings],
    ['JDV_J08_XdsConfidentialityCode_CISIS', confidentialityCodes],
  ])('%s', (file, table) => {
    expect(published(file).length).toBeGreaterThan(5);
    expect(table).toEqual(published(file));
  });
});

describe.skipIf(!hasShared)('invented reports are valid CDA (CDA_extended.xsd, xmllint)', () => {
  const schema = fileURLToPath(new URL('schemas/cda/infrastructure/cda/CDA_extended.xsd', shared));
  const reports: Record<string, CdaOverrides> = {
    'level 1': { replaces: [{ root: '2.25.1', extension: 'CR-0' }], pdfBytes: 245_000 },
    'level 3, two serviceEvents, no order, no signer': {
      level: 3,
      orders: [],
      legalAuthenticator: null,
      studies: [{}, { uids: ['2.25.1', '2.25.2'], modalities: ['CT', 'PT'], regions: [] }],
    },
    'several orders, one of them empty': { orders: [{}, { placerOrderNumber: { value: 'A & "B"' } }] },
    'characters to escape': { title: '<&">', patient: { birthFamilyName: "D'EXEMPLE & <FILS>" } },
  };
  test.each(Object.entries(reports))('%s', (_, overrides) => {
    const { status, stderr } = spawnSync('xmllint', ['--noout', '--nonet', '--schema', schema, '-'], {
      input: buildCda(overrides),
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: expect.stringContaining('- validates') });
    expect(parseImagingReport(buildCda(overrides)).studies.length).toBeGreaterThan(0);
  });
});
