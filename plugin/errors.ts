/**
 * The closed table of everything that can go wrong, and the one class that carries it.
 *
 * A row says how each edge answers: the French sentence of a screen, the HTTP status, the acknowledgment of HL7 v2
 * (MSA-1 and ERR-3 of table HL70357, ERR-5 of table HL70533) and whether trying again can help.
 *
 * @see house-style 15–18 · IG "Transmission de document(s) CDA en HL7v2" profils-messages, error-codes
 */

/** Whether the peer took what was sent, and so what a retry would do. */
export const RetryClass = {
  /** The peer surely did not take it: sending again is safe. */
  transient: 'transient',
  /** The peer may have taken it: ask before sending again. */
  ambiguous: 'ambiguous',
  /** Trying again changes nothing: somebody must act. */
  permanent: 'permanent',
} as const;
export type RetryClass = (typeof RetryClass)[keyof typeof RetryClass];

interface ErrorRow {
  /** Fixed French sentence shown to a person; never holds an identity. */
  readonly publicText: string;
  readonly httpStatus: number;
  /** How the error is told to an HL7 sender: MSA-1, ERR-3.1 and, for 207, ERR-5.1. */
  readonly ack: { readonly code: 'AE' | 'AR'; readonly condition: number; readonly applicationCode?: number };
  readonly retry: RetryClass;
}

const row = (
  publicText: string,
  httpStatus: number,
  ackCode: 'AE' | 'AR',
  condition: number,
  retry: RetryClass,
  applicationCode?: number,
): ErrorRow => ({
  publicText,
  httpStatus,
  ack: applicationCode === undefined ? { code: ackCode, condition } : { code: ackCode, condition, applicationCode },
  retry,
});

const { transient, ambiguous, permanent } = RetryClass;

/** code → public text · HTTP · MSA-1 · ERR-3 · retry · ERR-5 */
export const errorTable = {
  // standards
  'standards/uid-invalid': row('Identifiant DICOM (UID) invalide.', 400, 'AE', 102, permanent),
  'standards/oid-invalid': row('Identifiant (OID) invalide.', 400, 'AE', 102, permanent),
  'standards/ins-invalid': row('Matricule INS invalide.', 400, 'AE', 207, permanent, 905),
  'standards/date-invalid': row('Date ou heure invalide.', 400, 'AE', 102, permanent),
  // config
  'config/unreadable': row('Le fichier de configuration ne peut pas être lu.', 500, 'AE', 207, permanent),
  'config/invalid': row('La configuration comporte des erreurs.', 500, 'AE', 207, permanent),
  // store
  'store/unavailable': row('La base de données ne répond pas.', 503, 'AR', 207, transient),
  'store/locked': row('La base embarquée est déjà ouverte par un autre processus.', 409, 'AR', 207, transient),
  'store/absent': row('La base embarquée n’existe pas encore.', 404, 'AR', 207, permanent),
  'store/lease-lost': row('Un autre processus a repris cet examen.', 409, 'AR', 207, transient),
  'store/migration-failed': row('La mise à jour de la base de données a échoué.', 500, 'AR', 207, permanent),
  'store/not-empty': row('La base de données contient déjà une archive.', 409, 'AE', 207, permanent),
  // orthanc
  'orthanc/unreachable': row('Le PACS Orthanc ne répond pas.', 502, 'AR', 207, transient),
  'orthanc/timeout': row('Le PACS Orthanc n’a pas répondu à temps.', 504, 'AR', 207, transient),
  'orthanc/refused': row('Le PACS Orthanc a refusé l’accès.', 502, 'AR', 207, permanent),
  'orthanc/answer-invalid': row('Le PACS Orthanc a donné une réponse inattendue.', 502, 'AR', 207, transient),
  'orthanc/not-found': row('Objet absent du PACS Orthanc.', 404, 'AE', 207, permanent),
  'orthanc/index-unsupported': row(
    'Version de l’index PostgreSQL d’Orthanc non prise en charge.',
    500,
    'AR',
    207,
    permanent,
  ),
  'orthanc/hook-unauthorized': row('Secret du crochet Orthanc incorrect.', 401, 'AE', 207, permanent),
  'orthanc/hook-request-invalid': row('Appel du crochet Orthanc mal formé.', 400, 'AE', 207, permanent),
  'orthanc/hook-request-too-large': row('Appel du crochet Orthanc trop volumineux.', 413, 'AE', 207, permanent),
  'orthanc/sidecar-unreachable': row('Le service DRIMbox ne répond pas.', 503, 'AR', 207, transient),
  'orthanc/sidecar-timeout': row('Le service DRIMbox n’a pas répondu à temps.', 504, 'AR', 207, transient),
  'orthanc/sidecar-failed': row('Le service DRIMbox a donné une réponse inattendue.', 502, 'AR', 207, transient),
  'orthanc/hook-listen-failed': row('Le port du crochet Orthanc ne peut pas être ouvert.', 500, 'AE', 207, permanent),
  // hl7
  'hl7/listen-failed': row('Le port HL7 ne peut pas être ouvert.', 500, 'AR', 207, permanent),
  'hl7/frame-too-large': row('Message HL7 trop volumineux.', 413, 'AE', 207, permanent),
  'hl7/frame-invalid': row('Trame MLLP invalide.', 400, 'AE', 100, permanent),
  'hl7/sender-not-allowed': row('Émetteur HL7 non autorisé.', 403, 'AE', 207, permanent),
  'hl7/charset-invalid': row('Jeu de caractères HL7 inconnu ou non respecté.', 400, 'AE', 102, permanent),
  'hl7/message-invalid': row('Ce n’est pas un message HL7 v2.', 400, 'AE', 100, permanent),
  'hl7/segment-missing': row('Segment HL7 obligatoire absent ou mal placé.', 400, 'AE', 100, permanent),
  'hl7/field-missing': row('Champ HL7 obligatoire absent.', 400, 'AE', 101, permanent),
  'hl7/field-invalid': row('Champ HL7 de type incorrect.', 400, 'AE', 102, permanent),
  'hl7/value-unknown': row('Valeur HL7 hors table.', 400, 'AE', 103, permanent),
  'hl7/message-type-unsupported': row('Type de message HL7 non pris en charge.', 400, 'AE', 200, permanent),
  'hl7/event-unsupported': row('Événement HL7 non pris en charge.', 400, 'AE', 201, permanent),
  'hl7/version-unsupported': row('Version HL7 non prise en charge.', 400, 'AE', 203, permanent),
  'hl7/profile-unsupported': row('Profil HL7 (MSH-21) non pris en charge.', 400, 'AE', 103, permanent),
  'hl7/action-incoherent': row('ORC-1, OBX-11 et l’événement HL7 ne concordent pas.', 400, 'AE', 207, permanent, 906),
  'hl7/document-missing': row('Le message ne contient pas de document.', 400, 'AE', 101, permanent),
  'hl7/document-invalid': row('Le document du message ne peut pas être décodé (base64).', 400, 'AE', 102, permanent),
  // report
  'report/too-large': row('Document CDA trop volumineux.', 413, 'AE', 102, permanent),
  'report/xml-invalid': row('Le document n’est pas un XML valide.', 400, 'AE', 102, permanent),
  'report/xml-forbidden': row('Le document XML contient une DTD ou une entité interdite.', 400, 'AE', 102, permanent),
  'report/not-a-cda': row('Le document n’est pas un CDA.', 400, 'AE', 102, permanent),
  'report/type-unsupported': row('Le document n’est pas un compte-rendu d’imagerie.', 400, 'AE', 207, permanent, 906),
  'report/field-missing': row('Le compte-rendu est incomplet.', 400, 'AE', 207, permanent, 906),
  'report/field-invalid': row('Le compte-rendu contient une valeur invalide.', 400, 'AE', 207, permanent, 906),
  'report/ins-missing': row('Le compte-rendu ne porte pas d’INS.', 400, 'AE', 207, permanent, 903),
  'report/study-missing': row(
    'Le compte-rendu ne référence aucun examen (StudyInstanceUID).',
    400,
    'AE',
    207,
    permanent,
    906,
  ),
  // kos
  'kos/study-empty': row('L’examen ne contient aucune image à référencer.', 409, 'AE', 207, permanent),
  'kos/value-invalid': row('Une valeur ne peut pas être écrite dans le manifeste DICOM.', 500, 'AE', 207, permanent),
  'kos/unreadable': row('Le fichier n’est pas un manifeste DICOM (KOS) lisible.', 400, 'AE', 207, permanent),
  // dmp
  'dmp/unreachable': row('Le DMP ne répond pas.', 502, 'AR', 207, transient),
  'dmp/timeout': row('Le DMP n’a pas répondu à temps : état de l’envoi inconnu.', 504, 'AR', 207, ambiguous),
  'dmp/connection-lost': row(
    'La connexion au DMP a été coupée pendant l’envoi : état inconnu.',
    502,
    'AR',
    207,
    ambiguous,
  ),
  'dmp/answer-invalid': row(
    'Le DMP a donné une réponse illisible : état de l’envoi inconnu.',
    502,
    'AR',
    207,
    ambiguous,
  ),
  'dmp/tls-refused': row('La connexion sécurisée au DMP a échoué (certificat).', 502, 'AR', 207, permanent),
  'dmp/unavailable': row('Le DMP est momentanément indisponible.', 503, 'AR', 207, transient),
  'dmp/fault': row('Le DMP a refusé la demande (erreur SOAP).', 502, 'AE', 207, permanent),
  'dmp/certificate-refused': row('Le DMP refuse le certificat de la structure.', 502, 'AE', 207, permanent),
  'dmp/structure-refused': row('Le DMP ne reconnaît pas la structure ou le professionnel.', 502, 'AE', 207, permanent),
  'dmp/patient-unknown': row('Le patient n’a pas de DMP ouvert.', 502, 'AE', 207, permanent, 902),
  'dmp/patient-closed': row('Le DMP du patient est fermé.', 502, 'AE', 207, permanent),
  'dmp/document-duplicate': row('Le DMP a déjà un document de même identifiant.', 409, 'AE', 207, permanent),
  'dmp/document-unknown': row(
    'Le document à remplacer ou à supprimer n’est pas dans le DMP.',
    404,
    'AE',
    207,
    permanent,
  ),
  'dmp/refused': row('Le DMP a refusé le document.', 502, 'AE', 207, permanent),
  'dmp/partial-success': row('Le DMP n’a accepté qu’une partie du lot.', 502, 'AE', 207, permanent),
  'dmp/signature-invalid': row('Une signature électronique n’est pas valide.', 400, 'AE', 207, permanent),
  'dmp/certificate-unreadable': row('Un certificat ou une clé du DMP ne peut pas être lu.', 500, 'AE', 207, permanent),
  'dmp/server-error': row('Le DMP a signalé une erreur interne : état de l’envoi inconnu.', 502, 'AR', 207, ambiguous),
  'dmp/document-several': row('Le DMP a plusieurs documents de même identifiant.', 409, 'AE', 207, permanent),
  'dmp/metadata-invalid': row('Les métadonnées XDS sont illisibles ou incomplètes.', 400, 'AE', 207, permanent),
  'dmp/value-invalid': row('Une valeur ne peut pas être écrite dans la demande au DMP.', 500, 'AE', 207, permanent),
  // publication (refusals of a message)
  'publication/environment-mismatch': row(
    'INS ou message d’un autre environnement (test ou production).',
    400,
    'AE',
    202,
    permanent,
  ),
  'publication/patient-mismatch': row(
    'Le patient du message n’est pas celui du compte-rendu.',
    400,
    'AE',
    207,
    permanent,
    904,
  ),
  'publication/identity-not-validated': row(
    'L’identité du patient n’est pas qualifiée (PID-32).',
    400,
    'AE',
    207,
    permanent,
    905,
  ),
  // publication (why a study is held; decisions A, B)
  'publication/person-unresolved': row('Professionnel ou structure de l’envoi introuvable.', 409, 'AE', 207, permanent),
  'publication/structure-unconfigured': row(
    'Aucun certificat n’est configuré pour la structure du compte-rendu.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/images-mismatch': row('Les images et le compte-rendu ne concordent pas.', 409, 'AE', 207, permanent),
  'publication/images-unmatched': row(
    'Rien ne permet de rapprocher les images du compte-rendu.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/study-duplicated': row(
    'Le PACS a plusieurs examens pour ce StudyInstanceUID.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/order-unpaired': row('Impossible de rattacher une demande à l’examen.', 409, 'AE', 207, permanent),
  'publication/patient-changed': row(
    'Deux comptes-rendus du même examen nomment des patients différents.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/secret-connection': row('Connexion secrète demandée mais non configurée.', 409, 'AE', 207, permanent),
  'publication/document-withdrawn': row(
    'Le DMP ne contient plus le KOS publié : il n’est pas republié sans décision.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/study-not-found': row(
    'L’examen n’est pas dans le PACS après le délai prévu.',
    404,
    'AE',
    207,
    permanent,
  ),
  'publication/sender-incomplete': row(
    'Rôle ou secteur d’activité de l’expéditeur inconnu : rien n’est envoyé.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/deletion-unproven': row(
    'Les images semblent supprimées du PACS, sans preuve suffisante : suppression du DMP retenue.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/deletion-limit': row(
    'Trop d’examens supprimés du PACS en un jour : suppression du DMP retenue.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/pacs-database-changed': row(
    'La base d’Orthanc n’est plus celle qui est connue : suppressions et mises à jour du DMP retenues.',
    409,
    'AE',
    207,
    permanent,
  ),
  'publication/restored-unsure': row(
    'L’archive vient d’une sauvegarde : cet examen a pu être publié depuis.',
    409,
    'AE',
    207,
    permanent,
  ),
  // notification
  'notification/unreachable': row(
    'Le serveur auquel les alertes sont envoyées ne répond pas.',
    502,
    'AR',
    207,
    transient,
  ),
  'notification/timeout': row('Le serveur auquel les alertes sont envoyées est trop lent.', 504, 'AR', 207, ambiguous),
  'notification/tls-refused': row(
    'La connexion sécurisée au serveur auquel les alertes sont envoyées a échoué (certificat).',
    502,
    'AR',
    207,
    permanent,
  ),
  'notification/login-refused': row(
    'Le serveur de messagerie refuse le compte qui envoie les alertes.',
    502,
    'AE',
    207,
    permanent,
  ),
  'notification/refused': row('Le serveur refuse le message d’alerte.', 502, 'AE', 207, permanent),
  'notification/recipient-refused': row(
    'Le serveur de messagerie refuse un destinataire des alertes.',
    502,
    'AE',
    207,
    permanent,
  ),
  // archive, admin, cli, general
  'archive/environment-mismatch': row(
    'Le document est d’un patient d’un autre environnement (test ou production).',
    400,
    'AE',
    202,
    permanent,
  ),
  'archive/study-known': row('L’examen a déjà un compte-rendu ou un KOS dans l’archive.', 409, 'AE', 207, permanent),
  'archive/xdm-zip-invalid': row('Ce n’est pas une archive ZIP lisible et entière.', 400, 'AE', 207, permanent),
  'archive/xdm-name-unsafe': row('L’archive ZIP contient un nom de fichier dangereux.', 400, 'AE', 207, permanent),
  'archive/xdm-too-large': row('L’archive XDM ou l’un de ses fichiers est démesuré.', 413, 'AE', 207, permanent),
  'archive/xdm-file-missing': row('Un fichier manque dans le lot XDM.', 400, 'AE', 207, permanent),
  'archive/xdm-hash-mismatch': row(
    'Un fichier du lot XDM n’est pas celui que décrivent les métadonnées.',
    400,
    'AE',
    207,
    permanent,
  ),
  'archive/xdm-report-invalid': row('Le fichier CR.TXT du lot XDM est illisible.', 400, 'AE', 207, permanent),
  'archive/xdm-inconsistent': row('Les fichiers du lot XDM se contredisent.', 400, 'AE', 207, permanent),
  'archive/xdm-patient-mismatch': row('Le lot XDM nomme plusieurs patients.', 400, 'AE', 207, permanent),
  'archive/xdm-superseded': row('L’archive XDM a un KOS plus récent de cet examen.', 409, 'AE', 207, permanent),
  'archive/xdm-conflict': row('L’examen est déjà connu de l’archive : il n’est pas écrasé.', 409, 'AE', 207, permanent),
  'archive/not-found': row('Rien de tel dans l’archive.', 404, 'AE', 207, permanent),
  'archive/backup-unreadable': row(
    'Le fichier n’est pas une sauvegarde complète et intacte.',
    400,
    'AE',
    207,
    permanent,
  ),
  'archive/backup-newer': row('La sauvegarde vient d’une version plus récente.', 409, 'AE', 207, permanent),
  'archive/interrupted': row('La commande a été interrompue.', 409, 'AE', 207, transient),
  'archive/file-exists': row('Le fichier existe déjà.', 409, 'AE', 207, permanent),
  'archive/file-unwritable': row('Le fichier ne peut pas être écrit.', 500, 'AE', 207, permanent),
  'admin/user-required': row(
    'Cette action demande un utilisateur dont Orthanc a vérifié le mot de passe.',
    403,
    'AE',
    207,
    permanent,
  ),
  'admin/csrf-invalid': row('Jeton de sécurité absent, expiré ou d’une autre page.', 403, 'AE', 207, permanent),
  'admin/method-not-allowed': row('Méthode HTTP non autorisée à cette adresse.', 405, 'AE', 207, permanent),
  'admin/path-unknown': row('Adresse inconnue.', 404, 'AE', 207, permanent),
  'cli/usage': row('Commande incorrecte.', 400, 'AE', 207, permanent),
  'cli/file-unreadable': row('Le fichier ne peut pas être lu.', 400, 'AE', 207, permanent),
  'cli/sidecar-unreachable': row('Le service DRIMbox ne répond pas.', 503, 'AR', 207, transient),
  'general/internal': row('Erreur interne.', 500, 'AE', 207, transient),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** Where and about what: message control id, UID, segment position… never an identity or a token. */
export type ErrorContext = Readonly<Record<string, string | number>>;

export interface DrimboxErrorOptions {
  readonly cause?: unknown;
  /** English, for the log and the command line: what exactly, without identities. */
  readonly detail?: string;
  readonly context?: ErrorContext;
}

/** The only error that crosses a room's border. `context.location` (`OBX^1^5`) becomes ERR-2. */
export class DrimboxError extends Error {
  override readonly name = 'DrimboxError';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, options: DrimboxErrorOptions = {}) {
    super(
      options.detail === undefined ? code : `${code}: ${options.detail}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.detail = options.detail ?? '';
    this.context = Object.freeze({ ...options.context });
  }

  get publicText(): string {
    return errorTable[this.code].publicText;
  }

  get httpStatus(): number {
    return errorTable[this.code].httpStatus;
  }

  get ack(): ErrorRow['ack'] {
    return errorTable[this.code].ack;
  }

  get retry(): RetryClass {
    return errorTable[this.code].retry;
  }
}

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(errorTable, text);

/** Gives back ours unchanged and wraps anything else as `general/internal`: unknown means internal. */
export const asDrimboxError = (error: unknown): DrimboxError =>
  error instanceof DrimboxError ? error : new DrimboxError('general/internal', { cause: error });

/**
 * What a log may say of any failure: its kind, the code a driver gave, and where it happened. Never its message or its
 * properties: those of a database driver hold the values of the row.
 */
export const failureFields = (cause: unknown): Readonly<Record<string, unknown>> => {
  if (!(cause instanceof Error)) return { failure: typeof cause };
  const code =
    'code' in cause && (typeof cause.code === 'string' || typeof cause.code === 'number') ? cause.code : undefined;
  const frames = (cause.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    failure: cause.name,
    ...(code === undefined ? {} : { failureCode: code }),
    at: frames.slice(0, 12).map((line) => line.trim()),
    ...(cause.cause === undefined ? {} : { cause: failureFields(cause.cause) }),
  };
};
