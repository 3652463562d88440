/** Texts that OHIF 3.13 does not ask its translations for, in French; what people can read only, and what readers of screens say. */
import type { Patch } from './patch.ts';

/** @param around  what follows, where the text alone stands elsewhere too */
const text = (before: string, english: string, french: string, count: number, around = ''): Patch => ({
  reason: `OHIF does not translate "${english}"`,
  find: new RegExp(`(?<=${before})(["'])${english}\\1${around}`, 'g'),
  replace: JSON.stringify(french),
  count,
});

export const frenchPatches: readonly Patch[] = [
  text('label: ', 'Measurement', 'Mesures', 1, '(?=,\\s*component: PanelMeasurement)'),
  text('\\}, ', 'No Measurements', 'Aucune mesure', 1),
  text('label: ', 'Delete measurement', 'Supprimer la mesure', 1),
  text('label: ', 'Add Label', 'Nommer la mesure', 1),
  text('title: ', 'Additional Findings', 'Autres constatations', 1),
  text('value: ', 'Not For Diagnostic Use', 'Non destiné au diagnostic', 1),
  text('"aria-label": ', 'File type', 'Format du fichier', 1),
  text('"aria-label": ', 'Language', 'Langue', 1),
  text('"aria-label": ', 'Image navigation scrollbar', 'Défilement des images', 2),
  text('title: ', 'Study date', 'Date de l’examen', 1),
  text('title: ', 'Series description', 'Description de la série', 1),
  text('title: ', 'Instance Number', 'Numéro de l’image', 1),
  text('title: ', 'Window Level', 'Fenêtre', 1),
  text('\\}, ', 'Close', 'Fermer', 2),
  text('\\}, ', 'Cancel', 'Annuler', 4),
  text('\\}, ', 'Save', 'Enregistrer', 3),
  text('\\}, ', 'Remove', 'Retirer', 2),
  text('\\}, ', ' FPS', ' im./s', 1),
  {
    reason: 'what was measured, as it stands beside the image (viewer/ohif/french-measures.js)',
    find: /const cleanText = decodeHTML\(text\);/g,
    replace: 'const cleanText = window.drimboxMeasureInFrench(decodeHTML(text));',
    count: 1,
  },
  {
    reason: 'nothing can be stored from here: the button could only fail',
    find: /(?<=, "CSV"\)\), )\/\*#__PURE__\*\/react\.createElement\((?:(?!"CSV")[\s\S]){0,700}?, t\('Create SR'\)\), /g,
    replace: '',
    count: 1,
  },
  {
    reason:
      'the button of the layouts was made anew when it was pressed, which took the keyboard away and closed the choice',
    find: /if \(!isOpen && hasTooltip\)/g,
    replace: 'if (hasTooltip)',
    count: 1,
  },
];
