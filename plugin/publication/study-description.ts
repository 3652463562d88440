/** The DRIM-M status of a study in one French sentence, for Orthanc Explorer. No identity. */
import { type ArchivedStudy, StudyState } from '../archive/index.ts';
import { errorTable } from '../errors.ts';

const sentences: Readonly<Record<StudyState, string>> = {
  [StudyState.new]: 'compte-rendu reçu, examen à traiter',
  [StudyState.waitingForImages]: 'compte-rendu reçu, en attente des images',
  [StudyState.settling]: 'images en cours d’arrivée',
  [StudyState.sending]: 'envoi au DMP en cours',
  [StudyState.published]: 'publié dans le DMP',
  [StudyState.held]: 'retenu, rien n’est envoyé',
  [StudyState.failed]: 'échec',
  [StudyState.notDestined]: 'non destiné au DMP',
  [StudyState.retired]: 'sans compte-rendu en cours, rien dans le DMP',
  [StudyState.withdrawn]: 'le DMP ne le contient plus',
  [StudyState.imagesGone]: 'images supprimées du PACS, KOS retiré du DMP',
  [StudyState.loaded]: 'manifeste (KOS) chargé depuis un fichier, sans compte-rendu',
};

/** States in which what was published before stays as it is. */
const stopped: readonly StudyState[] = [StudyState.held, StudyState.failed];

export const describeStudy = (
  study: ArchivedStudy,
): { readonly state: StudyState; readonly text: string; readonly reason?: string } => {
  const reason = study.reasonCode === undefined ? undefined : errorTable[study.reasonCode].publicText;
  const isStillThere = study.publishedSubmissionId !== undefined && stopped.includes(study.state);
  const sentence = isStillThere
    ? `${sentences[study.state]} ; le KOS déjà publié reste dans le DMP`
    : sentences[study.state];
  return {
    state: study.state,
    text: reason === undefined ? sentence : `${sentence} — ${reason}`,
    ...(study.reasonCode === undefined ? {} : { reason: study.reasonCode }),
  };
};
