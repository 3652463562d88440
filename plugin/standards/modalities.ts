/**
 * Acquisition modalities a report or a submission may name.
 *
 * @see ANS, JDV_ModaliteAcquisition_CISIS, 1.2.250.1.213.1.1.5.618, edition 2021-04-19 (codes of DICOM PS3.16 CID 29; French labels of the ANS)
 */
import { oids } from './oids.ts';
import type { CodedConcept } from './people.ts';
import { findConcept, type ValueSet } from './value-set.ts';

const modality = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.dicomOntology,
  displayName,
});

export const modalities: ValueSet = [
  modality('AR', 'Autoréfraction'),
  modality('BDUS', 'Échodensitométrie osseuse'),
  modality('BI', 'Imagerie biomagnétique'),
  modality('BMD', 'Ostéodensitométrie'),
  modality('CR', 'Radiographie assistée par ordinateur'),
  modality('CT', 'Tomodensitométrie'),
  modality('DG', 'Diaphanographie'),
  modality('DMS', 'Dermoscopie'),
  modality('DX', 'Radiographie numérique'),
  modality('ECG', 'Électrocardiographie'),
  modality('EEG', 'Électroencéphalographie'),
  modality('EMG', 'Électromyographie'),
  modality('EOG', 'Électrooculographie'),
  modality('EPS', 'Électrophysiologie cardiaque'),
  modality('ES', 'Endoscopie'),
  modality('GM', 'Microscopie générale'),
  modality('HD', 'Onde hémodynamique'),
  modality('IO', 'Radiographie intrabuccale'),
  modality('IVOCT', 'Tomographie par cohérence optique intravasculaire'),
  modality('IVUS', 'Ultrasonore intravasculaire'),
  modality('KER', 'Kératométrie'),
  modality('LEN', 'Lensométrie'),
  modality('LS', 'Scan laser'),
  modality('MG', 'Mammographie'),
  modality('MR', 'Résonance magnétique'),
  modality('NM', 'Médecine nucléaire'),
  modality('OAM', 'Mesures axiales ophtalmiques'),
  modality('OCT', 'Tomographie à cohérence optique'),
  modality('OP', 'Photographique ophtalmique'),
  modality('OPM', 'Cartographie ophtalmique'),
  modality('OPT', 'Tomographie ophtalmique'),
  modality('OPTBSV', 'Tomographie ophtalmique B-scan analyse de volume'),
  modality('OPTENF', 'Tomographie ophtalmique en face'),
  modality('OPV', 'Champ visuel ophtalmique'),
  modality('OSS', 'Scanner optique de surface'),
  modality('POS', 'Détecteur de position'),
  modality('PT', 'TEP : Tomographie par émission de positons'),
  modality('PX', 'Panaromique X-Ray'),
  modality('RESP', 'Onde respiratoire'),
  modality('RF', 'Radio-fluoroscopie'),
  modality('RG', 'Imagerie radiographique'),
  modality('RTIMAGE', 'Image RT'),
  modality('SM', 'Microscopie à lames'),
  modality('SRF', 'Réfraction subjective'),
  modality('TG', 'Thermographie'),
  modality('US', 'Échographie'),
  modality('VA', 'Acuité visuelle'),
  modality('XA', 'Angiographie X-Ray'),
  modality('XC', 'Caméra de photographie externe'),
];

/** @param code DICOM modality, exact case; undefined when the value set does not have it (`RM`, `KO`, `SR`…) */
export const modalityConcept = (code: string): CodedConcept | undefined => findConcept(modalities, code);
