/**
 * LISEZ-MOI.txt: what is in the archive, how to open it, what is missing. French, UTF-8 with a byte order mark, lines ending
 * in CR LF: readable by Windows' Notepad of any age.
 *
 * It names nobody, and holds nothing that an image file says of its patient.
 */
import type { ErrorCode } from '../../errors.ts';
import { imagePath } from './file-paths.ts';

/** An image that is not in the archive. Places are counted from 0. */
export interface LeftOutImage {
  readonly series: number;
  readonly image: number;
  readonly code: ErrorCode;
}

export interface ReadmeFacts {
  readonly madeAtUtcMs: number;
  /** IANA name: in which the day is told. */
  readonly timeZone: string;
  readonly isWholeStudy: boolean;
  /** By series, in the order of the archive: modality, and how many files were to be there. */
  readonly series: readonly { readonly modality: string; readonly images: number }[];
  readonly leftOut: readonly LeftOutImage[];
  /** Named by the manifest, and not in the PACS any more. */
  readonly missing: number;
  /** Files whose data set is deflated: they stand as stored. */
  readonly deflated: number;
}

/** The most that the text may take, bytes. */
export const maxReadmeBytes = 32 * 1024;
const maxListedSeries = 200;
const maxListedImages = 100;

const dayOf = (atUtcMs: number, timeZone: string): string =>
  new Intl.DateTimeFormat('fr-FR', { timeZone, day: '2-digit', month: '2-digit', year: 'numeric' }).format(atUtcMs);

const counted = (count: number, one: string, several: string): string => `${count} ${count > 1 ? several : one}`;

const folderOf = (series: number): string => imagePath(series, 0).split('/').slice(0, -1).join('\\');

const modalityOf = (modality: string): string => (/^[A-Z0-9]{1,16}$/.test(modality) ? modality : 'autre');

const whyOf = (code: ErrorCode): string => {
  if (code === 'dicom-file/identity-mismatch') return 'ne correspond pas à cet examen';
  if (code === 'orthanc/not-found') return 'n’est plus disponible';
  if (code === 'dicom-file/syntax-unsupported') return 'format propre à un constructeur';
  return 'illisible';
};

const contents = ({ series }: ReadmeFacts): readonly string[] => [
  ...series
    .slice(0, maxListedSeries)
    .map(
      ({ modality, images }, index) =>
        `  Série ${index + 1} : ${modalityOf(modality)}, ${counted(images, 'fichier', 'fichiers')}  (${folderOf(index)})`,
    ),
  ...(series.length > maxListedSeries ? [`  … et ${series.length - maxListedSeries} autres séries.`] : []),
];

const absences = ({ leftOut, missing }: ReadmeFacts): readonly string[] => {
  if (leftOut.length + missing === 0) return ['Aucune : tous les fichiers annoncés sont présents.'];
  return [
    ...(missing > 0
      ? [
          missing > 1
            ? `${missing} fichiers de l’examen ne sont plus disponibles dans l’établissement.`
            : 'Un fichier de l’examen n’est plus disponible dans l’établissement.',
        ]
      : []),
    ...(leftOut.length > 0
      ? [
          'Les fichiers suivants n’ont pas pu être copiés. À leur place, le dossier IMAGES_NON_INCLUSES contient des fichiers de',
          'remplissage, sans contenu utile.',
        ]
      : []),
    ...leftOut
      .slice(0, maxListedImages)
      .map(({ series, image, code }) => `  Série ${series + 1}, fichier ${image + 1} : ${whyOf(code)} (${code})`),
    ...(leftOut.length > maxListedImages ? [`  … et ${leftOut.length - maxListedImages} autres.`] : []),
    'Pour les obtenir, s’adresser à l’établissement qui a réalisé l’examen.',
  ];
};

const heading = (title: string): readonly string[] => ['', title, '-'.repeat(title.length)];

const lines = (facts: ReadmeFacts): readonly string[] => [
  'COPIE D’UN EXAMEN D’IMAGERIE MÉDICALE',
  '=====================================',
  '',
  `Copie préparée le ${dayOf(facts.madeAtUtcMs, facts.timeZone)}.`,
  'NON DESTINÉ AU DIAGNOSTIC : cette copie est remise pour information. Seuls un logiciel et un écran prévus pour cet usage,',
  'utilisés par un professionnel de santé, permettent d’interpréter les images.',
  ...heading('Ce que contient l’archive'),
  `${facts.isWholeStudy ? 'Examen complet' : 'Une partie de l’examen'} : ${counted(facts.series.length, 'série', 'séries')}.`,
  ...contents(facts),
  '',
  '  DICOMDIR        le sommaire de l’examen, lu par les logiciels de visualisation',
  '  DICOM           les images et documents, tels qu’ils ont été enregistrés (format DICOM)',
  '  LISEZ-MOI.txt   ce texte',
  ...heading('Comment ouvrir les images'),
  '1. Extraire toute l’archive dans un dossier (clic droit, « Extraire tout »).',
  '2. Ouvrir ce dossier, ou le fichier DICOMDIR, avec un logiciel de visualisation DICOM.',
  'Un professionnel de santé peut importer le dossier, ou une clé USB où il a été copié, dans son propre logiciel.',
  ...(facts.deflated > 0
    ? [
        `${counted(facts.deflated, 'fichier est enregistré', 'fichiers sont enregistrés')} sous une forme compressée (« deflated ») que certains logiciels ne lisent pas.`,
      ]
    : []),
  ...heading('Images manquantes'),
  ...absences(facts),
  ...heading('Confidentialité'),
  'Ces images sont des données de santé : elles portent l’identité du patient. Les garder en lieu sûr et ne les remettre',
  'qu’à des personnes de confiance ou à des professionnels de santé.',
  '',
];

/** @returns at most `maxReadmeBytes` */
export const buildReadme = (facts: ReadmeFacts): Buffer =>
  Buffer.from(`\uFEFF${lines(facts).join('\r\n')}`, 'utf8').subarray(0, maxReadmeBytes);
