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
  'orthanc/file-too-large': row('Fichier du PACS trop volumineux pour être lu en entier.', 500, 'AE', 207, permanent),
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
  // trust
  'trust/token-missing': row('Jeton Pro Santé Connect absent.', 401, 'AE', 207, permanent),
  'trust/token-malformed': row('Jeton Pro Santé Connect mal formé.', 401, 'AE', 207, permanent),
  'trust/token-kind-refused': row('Ce jeton n’est pas un jeton d’accès.', 401, 'AE', 207, permanent),
  'trust/token-issuer-unknown': row('Jeton d’un autre émetteur que Pro Santé Connect.', 401, 'AE', 207, permanent),
  'trust/token-expired': row('Jeton Pro Santé Connect expiré.', 401, 'AR', 207, transient),
  'trust/token-not-yet-valid': row('Jeton Pro Santé Connect pas encore valable.', 401, 'AR', 207, transient),
  'trust/token-inactive': row('Jeton refusé par Pro Santé Connect.', 401, 'AE', 207, permanent),
  'trust/token-signature-invalid': row('Signature du jeton Pro Santé Connect invalide.', 401, 'AE', 207, permanent),
  'trust/token-no-identity': row(
    'Pro Santé Connect ne donne pas l’identifiant national du professionnel.',
    403,
    'AE',
    207,
    permanent,
  ),
  'trust/token-profession-refused': row(
    'La profession de l’utilisateur n’est pas autorisée.',
    403,
    'AE',
    207,
    permanent,
  ),
  'trust/token-client-refused': row(
    'Jeton obtenu par un logiciel non autorisé pour cette DRIMbox.',
    403,
    'AE',
    207,
    permanent,
  ),
  'trust/token-binding-refused': row('Jeton lié à un autre certificat.', 401, 'AE', 207, permanent),
  'trust/psc-unreachable': row('Pro Santé Connect ne répond pas.', 503, 'AR', 207, transient),
  'trust/psc-timeout': row('Pro Santé Connect n’a pas répondu à temps.', 503, 'AR', 207, transient),
  'trust/psc-answer-invalid': row('Pro Santé Connect a donné une réponse inattendue.', 503, 'AR', 207, transient),
  'trust/psc-tls-refused': row('Le certificat de Pro Santé Connect n’est pas reconnu.', 503, 'AE', 207, permanent),
  'trust/psc-refused-us': row('Pro Santé Connect refuse ce logiciel.', 503, 'AE', 207, permanent),
  'trust/dn-invalid': row('Nom distinctif (DN) illisible.', 400, 'AE', 207, permanent),
  'trust/whitelist-unreachable': row('La liste blanche ne peut pas être téléchargée.', 502, 'AE', 207, transient),
  'trust/whitelist-too-large': row('La liste blanche est démesurée.', 502, 'AE', 207, permanent),
  'trust/whitelist-malformed': row('La liste blanche n’a pas la forme attendue.', 502, 'AE', 207, permanent),
  'trust/whitelist-empty': row('La liste blanche ne contient aucun domaine utilisable.', 502, 'AE', 207, permanent),
  'trust/whitelist-unsigned': row('La liste blanche n’est pas signée.', 502, 'AE', 207, permanent),
  'trust/whitelist-signature-shape': row(
    'La signature de la liste blanche n’a pas une forme acceptée.',
    502,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-signature-invalid': row(
    'La signature de la liste blanche n’est pas valide.',
    502,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-algorithm-refused': row(
    'La liste blanche est signée avec un algorithme refusé.',
    502,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-signer-unknown': row('La liste blanche n’est pas signée par l’ANS.', 502, 'AE', 207, permanent),
  'trust/whitelist-signer-untrusted': row(
    'Le certificat du signataire de la liste blanche ne vient pas d’une autorité configurée.',
    502,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-signer-expired': row(
    'Le certificat du signataire de la liste blanche n’est pas en cours de validité.',
    502,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-signer-purpose': row(
    'Le certificat du signataire de la liste blanche n’est pas fait pour signer.',
    502,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-signer-revoked': row(
    'Le certificat du signataire de la liste blanche est révoqué.',
    502,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-revocation-unknown': row(
    'La révocation du signataire de la liste blanche n’a pas pu être vérifiée.',
    502,
    'AE',
    207,
    transient,
  ),
  'trust/whitelist-too-old': row(
    'La liste blanche est plus ancienne que celle déjà acceptée.',
    409,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-from-future': row('La liste blanche est datée du futur.', 502, 'AE', 207, permanent),
  'trust/whitelist-stale': row(
    'La liste blanche n’a pas été renouvelée depuis trop longtemps.',
    503,
    'AE',
    207,
    transient,
  ),
  'trust/whitelist-absent': row(
    'Aucune liste blanche valide : aucune autre DRIMbox n’est acceptée.',
    503,
    'AE',
    207,
    transient,
  ),
  'trust/whitelist-not-kept': row(
    'La copie de la liste blanche ne peut pas être lue ou écrite sur le disque.',
    500,
    'AE',
    207,
    permanent,
  ),
  'trust/whitelist-ca-invalid': row(
    'Le fichier d’autorités ne contient pas de certificat lisible.',
    400,
    'AE',
    207,
    permanent,
  ),
  'trust/certificate-missing': row('La DRIMbox ne présente pas de certificat.', 403, 'AE', 207, permanent),
  'trust/certificate-untrusted': row(
    'Le certificat de la DRIMbox ne vient pas d’une autorité reconnue.',
    403,
    'AE',
    207,
    permanent,
  ),
  'trust/certificate-expired': row('Le certificat de la DRIMbox est expiré.', 403, 'AE', 207, permanent),
  'trust/certificate-not-yet-valid': row(
    'Le certificat de la DRIMbox n’est pas encore valable.',
    403,
    'AE',
    207,
    permanent,
  ),
  'trust/certificate-purpose': row(
    'Le certificat de la DRIMbox n’est pas fait pour cet usage.',
    403,
    'AE',
    207,
    permanent,
  ),
  'trust/certificate-algorithm': row(
    'Le certificat de la DRIMbox repose sur un algorithme refusé.',
    403,
    'AE',
    207,
    permanent,
  ),
  'trust/certificate-revoked': row('Le certificat de la DRIMbox est révoqué.', 403, 'AE', 207, permanent),
  'trust/certificate-revocation-unknown': row(
    'La révocation du certificat n’a pas pu être vérifiée.',
    503,
    'AR',
    207,
    transient,
  ),
  'trust/peer-not-listed': row('Cette DRIMbox n’est pas sur la liste blanche.', 403, 'AE', 207, permanent),
  'trust/ca-missing': row('Les autorités de certification ne sont pas configurées.', 500, 'AE', 207, permanent),
  'trust/ca-invalid': row('Les autorités de certification configurées ne conviennent pas.', 500, 'AE', 207, permanent),
  'trust/ca-environment-mismatch': row(
    'Une autorité de certification est d’un autre environnement (test ou production).',
    500,
    'AE',
    207,
    permanent,
  ),
  'trust/revocation-unreachable': row('Le service de révocation ne répond pas.', 502, 'AR', 207, transient),
  'trust/revocation-list-refused': row('La liste de révocation reçue n’est pas acceptée.', 502, 'AE', 207, transient),
  'trust/revocation-list-stale': row(
    'La liste de révocation est périmée et sert encore un moment.',
    503,
    'AR',
    207,
    transient,
  ),
  'trust/revocation-list-absent': row('Aucune liste de révocation utilisable.', 503, 'AR', 207, transient),
  'trust/revocation-list-not-kept': row(
    'La liste de révocation ne peut pas être lue ou écrite sur le disque.',
    500,
    'AE',
    207,
    permanent,
  ),
  'trust/ocsp-refused': row(
    'La réponse du service de révocation (OCSP) n’est pas acceptée.',
    502,
    'AE',
    207,
    transient,
  ),
  'trust/server-certificate-invalid': row(
    'Un certificat de ce serveur ne peut pas être utilisé.',
    500,
    'AE',
    207,
    permanent,
  ),
  'trust/server-certificate-expired': row('Un certificat de ce serveur est expiré.', 500, 'AE', 207, permanent),
  'trust/certificate-expires': row('Un certificat de ce serveur expire bientôt.', 500, 'AE', 207, permanent),
  // dicom-file
  'dicom-file/not-dicom': row('Le fichier n’est pas un fichier DICOM.', 502, 'AE', 207, permanent),
  'dicom-file/malformed': row('Le fichier DICOM est mal formé ou incomplet.', 502, 'AE', 207, permanent),
  'dicom-file/too-deep': row('Les séquences du fichier DICOM sont trop imbriquées.', 502, 'AE', 207, permanent),
  'dicom-file/too-large': row('Le contenu du fichier DICOM dépasse les limites.', 502, 'AE', 207, permanent),
  'dicom-file/syntax-unsupported': row('La syntaxe de transfert du fichier est inconnue.', 502, 'AE', 207, permanent),
  'dicom-file/identity-mismatch': row('Le fichier DICOM n’est pas celui qui est attendu.', 502, 'AE', 207, permanent),
  'dicom-file/frames-unreadable': row('Les images du fichier DICOM sont illisibles.', 502, 'AE', 207, permanent),
  // audit
  'audit/unavailable': row(
    'La trace de la demande ne peut pas être écrite : rien n’est transmis.',
    503,
    'AR',
    207,
    transient,
  ),
  // renditions
  'renditions/cache-locked': row(
    'Le cache d’images est déjà utilisé par un autre processus.',
    409,
    'AR',
    207,
    permanent,
  ),
  'renditions/cache-folder-foreign': row(
    'Le dossier du cache d’images contient autre chose.',
    500,
    'AE',
    207,
    permanent,
  ),
  'renditions/cache-unwritable': row(
    'Le dossier du cache d’images ne peut pas être utilisé.',
    500,
    'AE',
    207,
    permanent,
  ),
  'renditions/cache-damaged': row('Une image du cache est endommagée.', 500, 'AE', 207, transient),
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
  // wado
  'wado/kos-unknown': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/kos-not-current': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/study-held': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/report-gone': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/masked': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/study-mismatch': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/not-referenced': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/study-duplicated': row('Examen introuvable.', 404, 'AE', 207, permanent),
  'wado/images-gone': row('Les images ne sont plus dans le PACS.', 410, 'AE', 207, permanent),
  'wado/metadata-unreadable': row('Métadonnées illisibles.', 500, 'AE', 207, permanent),
  'wado/method-not-allowed': row('Méthode HTTP non admise.', 405, 'AE', 207, permanent),
  'wado/cancelled': row('Le demandeur est parti.', 499, 'AE', 207, permanent),
  'wado/listen-failed': row('Le port des images ne peut pas être ouvert.', 500, 'AE', 207, permanent),
  'wado/busy': row('Trop de demandes en même temps.', 503, 'AR', 207, transient),
  // wado (the request)
  'wado/resource-unknown': row('Adresse d’images inconnue.', 404, 'AE', 207, permanent),
  'wado/query-unsupported': row('Paramètre d’adresse non pris en charge.', 400, 'AE', 207, permanent),
  'wado/accept-invalid': row('En-tête Accept mal formé.', 400, 'AE', 207, permanent),
  'wado/kos-header-missing': row('En-tête KOS-SOPInstanceUID absent.', 400, 'AE', 207, permanent),
  'wado/kos-header-invalid': row('En-tête KOS-SOPInstanceUID mal formé.', 400, 'AE', 207, permanent),
  'wado/not-acceptable': row('Aucun des formats acceptés n’est disponible.', 406, 'AE', 207, permanent),
  // renditions
  'renditions/decode-failed': row('L’image enregistrée ne peut pas être décodée.', 502, 'AE', 207, permanent),
  'renditions/encode-failed': row('L’image ne peut pas être convertie.', 500, 'AE', 207, permanent),
  'renditions/unsupported': row('Cette image ne peut pas être convertie dans ce format.', 406, 'AE', 207, permanent),
  'renditions/timeout': row('La conversion de l’image a pris trop de temps.', 504, 'AR', 207, transient),
  // viewer-access
  'viewer-access/link-malformed': row('Ce lien vers les images est incomplet ou mal formé.', 400, 'AE', 207, permanent),
  'viewer-access/link-refused': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/report-unknown': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/report-gone': row('Ces images ne peuvent pas être affichées avec ce lien.', 404, 'AE', 207, permanent),
  'viewer-access/accession-mismatch': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/accession-unknown': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/series-unknown': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/not-published': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/study-held': row('Ces images ne peuvent pas être affichées avec ce lien.', 404, 'AE', 207, permanent),
  'viewer-access/other-patient': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/hidden-from-patient': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/masked': row('Ces images ne peuvent pas être affichées avec ce lien.', 404, 'AE', 207, permanent),
  'viewer-access/identity-mismatch': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/identity-throttled': row(
    'Ces images ne peuvent pas être affichées avec ce lien.',
    404,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/session-ended': row('Votre session est terminée.', 401, 'AE', 207, permanent),
  'viewer-access/form-refused': row('Votre demande n’a pas pu être vérifiée.', 403, 'AE', 207, permanent),
  'viewer-access/form-invalid': row('Le formulaire envoyé est incomplet.', 400, 'AE', 207, permanent),
  'viewer-access/too-many-requests': row('Trop de demandes en peu de temps.', 429, 'AR', 207, transient),
  'viewer-access/host-unknown': row('Ce nom de serveur n’est pas servi ici.', 421, 'AE', 207, permanent),
  'viewer-access/page-unknown': row('Cette page n’existe pas.', 404, 'AE', 207, permanent),
  'viewer-access/method-not-allowed': row(
    'Cette demande n’est pas permise à cette adresse.',
    405,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/listen-failed': row('Le port de la visionneuse ne peut pas être ouvert.', 500, 'AE', 207, permanent),
  'viewer-access/files-missing': row('Les fichiers de la visionneuse sont absents.', 500, 'AE', 207, permanent),
  // sign-in (Pro Santé Connect, FranceConnect+)
  'sign-in/provider-not-configured': row('Ce mode de connexion n’est pas proposé ici.', 404, 'AE', 207, permanent),
  'sign-in/provider-unreachable': row('Le service de connexion ne répond pas.', 503, 'AR', 207, transient),
  'sign-in/provider-timeout': row('Le service de connexion n’a pas répondu à temps.', 503, 'AR', 207, transient),
  'sign-in/provider-answer-invalid': row(
    'Le service de connexion a donné une réponse inattendue.',
    502,
    'AR',
    207,
    transient,
  ),
  'sign-in/provider-tls-refused': row(
    'La connexion sécurisée au service de connexion a échoué.',
    503,
    'AE',
    207,
    permanent,
  ),
  'sign-in/provider-refused-us': row('Le service de connexion refuse ce site.', 503, 'AE', 207, permanent),
  'sign-in/given-up': row('La connexion a été abandonnée.', 403, 'AE', 207, permanent),
  'sign-in/attempt-expired': row('La connexion a pris trop de temps.', 403, 'AE', 207, permanent),
  'sign-in/state-mismatch': row('Cette réponse n’est pas celle de votre connexion.', 403, 'AE', 207, permanent),
  'sign-in/issuer-mismatch': row(
    'Cette réponse ne vient pas du service de connexion choisi.',
    403,
    'AE',
    207,
    permanent,
  ),
  'sign-in/code-refused': row('Cette connexion a déjà servi ou n’est plus valable.', 403, 'AE', 207, permanent),
  'sign-in/token-invalid': row('La réponse du service de connexion n’est pas authentique.', 502, 'AE', 207, permanent),
  'sign-in/token-not-encrypted': row(
    'La réponse du service de connexion n’est pas chiffrée pour ce site.',
    502,
    'AE',
    207,
    permanent,
  ),
  'sign-in/token-expired': row('La réponse du service de connexion est périmée.', 403, 'AE', 207, permanent),
  'sign-in/token-mismatch': row(
    'La réponse du service de connexion est destinée à une autre connexion.',
    403,
    'AE',
    207,
    permanent,
  ),
  'sign-in/level-too-low': row('Le moyen de connexion n’offre pas un niveau suffisant.', 403, 'AE', 207, permanent),
  'sign-in/subject-mismatch': row(
    'Le service de connexion a répondu pour une autre personne.',
    502,
    'AE',
    207,
    permanent,
  ),
  'sign-in/identity-incomplete': row(
    'Le service de connexion ne donne pas l’identité nécessaire.',
    403,
    'AE',
    207,
    permanent,
  ),
  'sign-in/attempt-unknown': row(
    'Cette connexion n’a pas été commencée dans ce navigateur, ou elle a déjà servi.',
    403,
    'AE',
    207,
    permanent,
  ),
  'sign-in/attempts-too-many': row('Trop de connexions commencées depuis ce réseau.', 429, 'AR', 207, transient),
  'sign-in/mismatches-too-many': row('Trop de comparaisons d’identité sans succès.', 429, 'AR', 207, transient),
  'sign-in/grants-too-many': row('Trop d’examens ouverts dans cette session.', 429, 'AE', 207, permanent),
  'sign-in/logout-token-invalid': row('La demande de déconnexion n’est pas authentique.', 400, 'AE', 207, permanent),
  'sign-in/logout-token-replayed': row('Cette demande de déconnexion a déjà servi.', 400, 'AE', 207, permanent),
  // viewer-access, download
  'viewer-access/download-empty': row(
    'Aucune image de cet examen ne peut être téléchargée.',
    410,
    'AE',
    207,
    permanent,
  ),
  'viewer-access/download-changed': row(
    'Une image a changé pendant le téléchargement : recommencer.',
    409,
    'AR',
    207,
    transient,
  ),
  // viewer-access, images
  'viewer-access/image-not-found': row('Cette image n’existe pas dans cet examen.', 404, 'AE', 207, permanent),
  'viewer-access/image-request-invalid': row('La demande d’image est mal formée.', 400, 'AE', 207, permanent),
  'viewer-access/image-not-displayable': row('Cet objet ne peut pas être affiché en image.', 406, 'AE', 207, permanent),
  'viewer-access/range-unsatisfiable': row('La partie demandée est hors du fichier.', 416, 'AE', 207, permanent),
  'viewer-access/images-busy': row('Trop d’images sont demandées en ce moment.', 503, 'AR', 207, transient),
  'viewer-access/images-cancelled': row('La demande d’image a été abandonnée.', 499, 'AE', 207, permanent),
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
