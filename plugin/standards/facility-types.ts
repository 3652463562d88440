/**
 * Types of the place where care was given (XDS healthcareFacilityTypeCode).
 *
 * @see ANS, JDV_J02_XdsHealthcareFacilityTypeCode_CISIS, 1.2.250.1.213.1.1.5.466, edition 2024-12-13
 */
import { oids } from './oids.ts';
import type { CodedConcept } from './people.ts';
import { findConcept, type ValueSet } from './value-set.ts';

const sector = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.activitySectors,
  displayName,
});
const other = (code: string, displayName: string): CodedConcept => ({
  code,
  codeSystem: oids.automatonRoles,
  displayName,
});

export const facilityTypes: ValueSet = [
  other('EXP_PATIENT', 'Expression personnelle du patient'),
  other('SNR', 'Service numérique référencé'),
  sector('SA01', 'Etablissement public de santé'),
  sector('SA02', 'Hôpital militaire du Service de santé des armées'),
  sector('SA03', 'Etablissement privé PSPH'),
  sector('SA04', 'Etablissement privé non PSPH'),
  sector('SA05', 'Centre de santé'),
  sector('SA06', 'Autre structure du Service de santé des armées'),
  sector('SA07', 'Cabinet individuel'),
  sector('SA08', 'Cabinet de groupe'),
  sector('SA09', 'Exercice en société'),
  sector('SA10', 'Transporteur sanitaire'),
  sector('SA12', 'Etablissement de soins et prévention'),
  sector('SA13', 'Prévention et soins en entreprise'),
  sector('SA14', 'Etablissements scolaires, universitaires et de formation hors champ FINESS'),
  sector('SA15', 'PMI et Planification familiale'),
  sector('SA16', 'Etablissement pour personnes handicapées'),
  sector('SA17', 'Etablissement pour personnes âgées'),
  sector('SA18', 'Etablissement aide à la famille'),
  sector('SA19', 'Etablissements FINESS de formation aux professions sanitaires et sociales'),
  sector('SA20', "Etablissement pour la protection de l'enfance"),
  sector('SA21', "Etablissement d'hébergement et de réadaptation"),
  sector('SA22', 'Recherche'),
  sector('SA23', 'Assurance privée'),
  sector('SA24', 'Organisme de sécurité sociale'),
  sector('SA25', 'Laboratoire de biologie médicale'),
  sector('SA26', 'Ministère ou Service déconcentré'),
  sector('SA27', 'Collectivité territoriale'),
  sector('SA28', 'Association ou organisme humanitaire'),
  sector('SA29', "Laboratoire d'analyses et de biologie médicale"),
  sector('SA30', 'Autre établissement sanitaire'),
  sector('SA31', 'Répartition et Distribution de médicaments et dispositifs médicaux'),
  sector('SA32', 'Fabrication, Exploitation et Importation de médicaments et dispositifs médicaux'),
  sector('SA33', "Pharmacie d'officine"),
  sector('SA34', 'Centre de dialyse'),
  sector('SA35', 'Para-pharmacie'),
  sector('SA36', 'Centre anti-cancer'),
  sector('SA37', 'Centre de transfusion sanguine'),
  sector('SA38', 'Pharmacie minière'),
  sector('SA39', 'Pharmacie mutualiste'),
  sector('SA40', 'Secteur privé, praticien hospitalier temps plein'),
  sector('SA41', 'Autre établissement du domaine social ou médico-social'),
  sector('SA42', 'Appareillage médical'),
  sector('SA43', 'Secteur non défini'),
  sector('SA44', 'Recrutement ou Gestion RH'),
  sector('SA45', 'Communication, Marketing, Consulting, Média'),
  sector(
    'SA46',
    'Fabrication, Exploitation, Importation, Répartition, Distribution médicaments et dispositifs médicaux',
  ),
  sector('SA47', 'Incendie et secours'),
  sector('SA48', 'Entreprise industrielle et tertiaire hors industrie pharmaceutique'),
  sector('SA49', 'Entité Outre-Mer'),
  sector('SA50', 'Permanence des soins ambulatoires hors cabinet'),
  sector('SA51', 'Structure de coopération avec autorisation de soins'),
  sector('SA52', 'Maison de santé ou Pôle de santé'),
  sector('SA53', "Siège administratif d'un établissement de santé"),
  sector('SA54', 'Centre de dépistage et de prévention'),
  sector('SA55', 'Laboratoire pharmaceutique préparant et délivrant des allergènes'),
  sector('SA56', 'Propharmacie'),
  sector('SA57', 'Structure de coopération avec mission de coordination de soins'),
  sector('SA58', 'Entreprise de taxis'),
  sector('SA59', 'Laboratoire de biologie médicale hors catégorie standard'),
  sector('SA60', 'Centres médicaux SNCF'),
  sector('SA61', "Structure Dispensatrice à domicile d'Oxygène à usage médical"),
  sector('SA63', 'Communauté professionnelle territoriale de santé et équipe de soins spécialisés'),
  sector('SA64', 'Société de téléconsultation'),
  sector('SA65', 'Antenne de pharmacie'),
  sector('SA66', 'Services de Prévention et de Santé au Travail (SPST)'),
  sector('SA67', 'Maisons médicales de garde (MMG)'),
  sector('SA68', "Services départementaux d'incendie et de secours"),
  sector('SA69', 'Maisons de naissance'),
];

/** @param code `SA08`…; undefined when the value set does not have it */
export const facilityTypeConcept = (code: string): CodedConcept | undefined => findConcept(facilityTypes, code);
