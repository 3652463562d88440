/**
 * The closed table of what can happen: the journal, the statistics and the log all speak of these and of nothing else.
 *
 * An event names a message control id, a UID or a count; it never holds an identity (decision A6).
 *
 * @see facts/spec.md b.14 (statistics) · decisions.md G5
 */
import type { ErrorCode } from './errors.ts';

/** event → French line of the journal */
export const eventTable = {
  'hl7/message-accepted': 'Message HL7 accepté',
  'hl7/message-duplicate': 'Message HL7 déjà reçu, sans effet',
  'hl7/message-refused': 'Message HL7 refusé',
  'report/received': 'Compte-rendu reçu',
  'report/warning': 'Compte-rendu accepté avec une remarque',
  'study/hint': 'Examen à réexaminer',
  'study/waiting-for-images': 'Examen absent du PACS : en attente des images',
  'study/found': 'Examen trouvé dans le PACS',
  'study/not-found': 'Examen toujours absent du PACS après le délai prévu',
  'pacs/queried': 'PACS interrogé',
  'study/pacs-error': 'Le PACS n’a pas pu être interrogé',
  'study/not-destined': 'Compte-rendu non destiné au DMP : rien n’est envoyé',
  'study/look-failed': 'L’examen n’a pas pu être traité ; nouvel essai plus tard',
  'study/images-missing': 'Le PACS n’a plus d’image de cet examen publié : vérification avant suppression',
  'study/images-back': 'Les images de l’examen sont de nouveau dans le PACS',
  'study/images-gone': 'Les images ont été supprimées du PACS : le KOS est retiré du DMP',
  'deletion/confirmed': 'Suppression confirmée par un administrateur',
  'study/released': 'Nouvel essai demandé par un administrateur',
  'pacs/database-doubt': 'La base d’Orthanc n’est plus celle qui est connue : les suppressions sont retenues',
  'pacs/database-accepted': 'La base d’Orthanc est acceptée par un administrateur',
  'study/held': 'Examen retenu : rien n’est envoyé',
  'kos/remark': 'Le manifeste (KOS) ne peut pas porter une valeur en entier',
  'dmp/order-created': 'Ordre d’envoi au DMP créé',
  'dmp/published': 'KOS publié dans le DMP',
  'dmp/replaced': 'KOS remplacé dans le DMP',
  'dmp/deleted': 'KOS supprimé du DMP',
  'dmp/withdrawn': 'Le KOS publié n’est plus dans le DMP',
  'dmp/late-arrival': 'Un envoi abandonné est arrivé après coup dans le DMP : il en est retiré',
  'dmp/send-failed': 'Échec de l’envoi au DMP',
  'dmp/refused': 'Le DMP a refusé l’envoi',
  'archive/backed-up': 'Sauvegarde de l’archive écrite et relue',
  'archive/restored': 'Archive restaurée depuis une sauvegarde',
  'archive/exported': 'Archive exportée (XDM)',
  'archive/imported': 'KOS repris d’une archive XDM',
  'archive/loaded': 'KOS chargé depuis un fichier',
  'comparison/paused': 'Comparaison de l’archive avec le PACS suspendue : le PACS ne répond pas',
  'sweep/finished': 'Comparaison périodique de l’archive avec le PACS terminée',
  'resync/compared': 'Resynchronisation : archive comparée avec le PACS, rien n’est encore modifié',
  'resync/finished': 'Resynchronisation terminée',
  'resync/counted': 'Resynchronisation : décompte d’une structure',
  'wado/served': 'Images transmises à une autre DRIMbox',
  'wado/refused': 'Demande d’images d’une autre DRIMbox refusée',
  'wado/failed': 'Échec de la transmission d’images à une autre DRIMbox',
  'wado/cancelled': 'Transmission d’images abandonnée par la DRIMbox qui les demandait',
  'wado/objects-counted': 'Objets transmis : décompte par syntaxe ou par modalité',
  'wado/pixels-counted': 'Objets transmis : décompte des pixels',
  'pacs/retrieved': 'Images lues dans le PACS',
  'pacs/retrieve-failed': 'Les images n’ont pas pu être lues dans le PACS',
  'pacs/images-counted': 'Images lues dans le PACS : décompte',
  'viewer/opened': 'Examen ouvert par le lien du compte-rendu',
  'viewer/refused': 'Lien de compte-rendu refusé',
  'viewer/failed': 'Échec de l’ouverture d’un examen par le lien du compte-rendu',
  'viewer/bytes-counted': 'Visionneuse : décompte des octets transmis',
  'audit/extracted': 'Traces d’accès extraites',
} as const;
export type EventName = keyof typeof eventTable;

/** Written only to be counted: whoever reads the journal is not shown them unless all is wanted. */
export const countedEvents: readonly EventName[] = [
  'pacs/queried',
  'wado/objects-counted',
  'wado/pixels-counted',
  'pacs/retrieved',
  'pacs/images-counted',
  'viewer/bytes-counted',
];

/** Numbers of facts/spec.md b.14. */
export const StatisticNumber = {
  kosPublished: 1,
  kosUpdated: 2,
  kosDeleted: 3,
  failedBeforePublication: 4,
  failedAtDmp: 5,
  deleteFailedAtDmp: 6,
  wadoSeriesOk: 9,
  wadoSeriesError: 10,
  objectsPerSyntax: 11,
  objectsPerModality: 12,
  pixelMegabytes: 13,
  pacsQuerySucceeded: 19,
  pacsQueryFailed: 20,
  pacsRetrieveOk: 21,
  pacsRetrieveError: 22,
  pacsImages: 23,
  viewerOk: 29,
  viewerError: 30,
  viewerMegabytes: 31,
  reportReceived: 32,
  resyncArchived: 33,
  resyncWithoutExam: 34,
  resyncToUpdate: 35,
  resyncUpToDate: 36,
  resyncArchivedAfter: 37,
} as const;
export type StatisticNumber = (typeof StatisticNumber)[keyof typeof StatisticNumber];

/** One thing that happened. */
export interface DrimboxEvent {
  readonly name: EventName;
  readonly studyInstanceUid?: string;
  /** MSH-10 of the message it came from. */
  readonly messageControlId?: string;
  readonly errorCode?: ErrorCode;
  /** Figures and short codes only. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
  /** Counted in the monthly statistics under this number: once, or `detail.count` times where that is given. */
  readonly statistic?: StatisticNumber;
  /** FINESS, SIRET or RPPS-rang of the structure, as known at that moment. */
  readonly structureId?: string;
}

export type Emit = (event: DrimboxEvent) => void;
