/**
 * What to do about a failure: one French sentence per code, for the administrator who reads an alert, the queue, a study or
 * the journal. It says who acts and with which command or key; it holds no identity.
 *
 * Codes of the command line and of the configuration have none: their own text says what is wrong with what was typed.
 */
import type { ErrorCode } from './errors.ts';

const release = 'puis : drimbox archive release UID';
const byItself = 'Rien à relancer : l’envoi reprend de lui-même';

/** code → what to do; the order is that of the error table */
const remedies: Readonly<Partial<Record<ErrorCode, string>>> = {
  // standards
  'standards/uid-invalid':
    'L’éditeur du RIS (ou de la modalité) doit transmettre un StudyInstanceUID conforme à DICOM, puis renvoyer le message.',
  'standards/oid-invalid':
    'L’éditeur du RIS doit corriger l’OID que le compte-rendu ou le message porte mal, puis renvoyer le message.',
  'standards/ins-invalid':
    'Le service qui gère l’identité doit corriger le matricule INS dans le RIS ; renvoyer ensuite le compte-rendu.',
  'standards/date-invalid':
    'L’éditeur du RIS doit corriger la date mal formée du compte-rendu, puis renvoyer le message.',
  // store
  'store/unavailable':
    'Vérifier que PostgreSQL est démarré et joignable (drimbox doctor), et que le disque n’est pas plein. Le service reprend de lui-même ; les messages refusés entre-temps sont renvoyés par le RIS.',
  'store/locked':
    'Un autre service DRIMbox utilise cette base embarquée : arrêter l’un des deux (systemctl status drimbox), ou passer à PostgreSQL.',
  'store/absent': 'Démarrer une première fois le service (drimbox serve), ou corriger Store.Folder.',
  'store/lease-lost': 'Aucune action : un autre processus traite cet examen et le mène à son terme.',
  'store/migration-failed':
    'Ne pas relancer en boucle : sauvegarder la base, vérifier les droits du rôle PostgreSQL (création de tables), puis demander au support avec le journal du service.',
  'store/not-empty':
    'Une restauration ne se fait que dans une base neuve : créer une autre base PostgreSQL, ou arrêter le service et mettre de côté le dossier pglite de Store.Folder.',
  // orthanc
  'orthanc/unreachable':
    'Vérifier qu’Orthanc est démarré et que Orthanc.Url est juste (drimbox doctor). Les examens sont repris d’eux-mêmes ; rien n’est supprimé du DMP entre-temps.',
  'orthanc/timeout':
    'Orthanc est trop lent : regarder sa charge et son disque ; au besoin augmenter Orthanc.TimeoutMs ou lire l’index par Orthanc.IndexUrl. Les examens sont repris d’eux-mêmes.',
  'orthanc/refused':
    'Orthanc refuse notre compte : corriger Orthanc.Username et Orthanc.PasswordFile (ou les droits du rôle de Orthanc.IndexUrl), puis redémarrer le service.',
  'orthanc/answer-invalid':
    'Vérifier dans Orthanc que l’examen s’ouvre et n’est pas endommagé, et que sa version est prise en charge (drimbox doctor). L’examen est repris de lui-même.',
  'orthanc/not-found': 'Vérifier l’identifiant demandé : l’objet n’est pas, ou n’est plus, dans Orthanc.',
  'orthanc/index-unsupported':
    'Retirer Orthanc.IndexUrl : tout sera lu par l’API REST, plus lentement ; signaler la version d’Orthanc au support.',
  'orthanc/hook-unauthorized':
    'Donner au crochet et au service le même fichier de secret (Orthanc.Hook.SecretFile), puis redémarrer Orthanc.',
  'orthanc/hook-request-invalid':
    'Installer dans Orthanc le crochet (drimbox.py) de la même version que le service, puis redémarrer Orthanc.',
  'orthanc/hook-request-too-large':
    'Installer dans Orthanc le crochet (drimbox.py) de la même version que le service, puis redémarrer Orthanc.',
  'orthanc/sidecar-unreachable': 'Démarrer le service DRIMbox (systemctl start drimbox) et vérifier Orthanc.Hook.Port.',
  'orthanc/sidecar-timeout': 'Le service DRIMbox est surchargé ou sa base est lente : drimbox doctor.',
  'orthanc/sidecar-failed': 'Lire le journal du service DRIMbox au moment de l’appel, puis : drimbox doctor.',
  'orthanc/hook-listen-failed':
    'Un autre programme occupe le port Orthanc.Hook.Port : l’arrêter ou changer ce port, puis redémarrer le service et Orthanc.',
  // hl7
  'hl7/listen-failed':
    'Un autre programme occupe un port de Hl7.Listeners, ou son certificat ne peut pas être lu : corriger, puis redémarrer le service.',
  'hl7/frame-too-large':
    'Le RIS doit envoyer un compte-rendu moins volumineux ; ou augmenter MaxFrameBytes de Hl7.Listeners.',
  'hl7/frame-invalid': 'L’éditeur du RIS doit respecter MLLP (octets 0B … 1C 0D), puis renvoyer le message.',
  'hl7/sender-not-allowed':
    'Si cet émetteur est légitime, l’ajouter à Hl7.Senders (MSH-3, MSH-4) ou à AllowedAddresses ; il renvoie ensuite son message.',
  'hl7/charset-invalid':
    'L’éditeur du RIS doit annoncer dans MSH-18 le jeu de caractères qu’il emploie vraiment, puis renvoyer le message.',
  'hl7/message-invalid': 'L’éditeur du RIS doit envoyer un message HL7 v2 sur ce port, et rien d’autre.',
  'hl7/segment-missing': 'L’éditeur du RIS doit ajouter ou replacer le segment obligatoire, puis renvoyer le message.',
  'hl7/field-missing': 'L’éditeur du RIS doit renseigner le champ obligatoire, puis renvoyer le message.',
  'hl7/field-invalid': 'L’éditeur du RIS doit corriger le champ, puis renvoyer le message.',
  'hl7/value-unknown': 'L’éditeur du RIS doit employer une valeur de la table, puis renvoyer le message.',
  'hl7/message-type-unsupported':
    'Le RIS ne doit adresser à ce port que des ORU^R01, des MDM^T02, T04 ou T10 et des OMI^O23.',
  'hl7/event-unsupported': 'Le RIS ne doit adresser à ce port que des ORU^R01, des MDM^T02, T04 ou T10 et des OMI^O23.',
  'hl7/version-unsupported':
    'L’éditeur du RIS doit annoncer la version HL7 du profil (MSH-12), puis renvoyer le message.',
  'hl7/profile-unsupported':
    'L’éditeur du RIS doit annoncer un profil pris en charge (MSH-21), puis renvoyer le message.',
  'hl7/action-incoherent':
    'L’éditeur du RIS doit accorder ORC-1, OBX-11 et l’événement (création, remplacement ou suppression), puis renvoyer le message.',
  'hl7/document-missing': 'L’éditeur du RIS doit joindre le compte-rendu CDA en OBX-5, puis renvoyer le message.',
  'hl7/document-invalid': 'L’éditeur du RIS doit coder le compte-rendu en base64 complet, puis renvoyer le message.',
  // report
  'report/too-large': 'Le RIS doit produire un compte-rendu moins volumineux (PDF joint trop lourd), puis le renvoyer.',
  'report/xml-invalid':
    'L’éditeur du RIS doit corriger le document CDA, qui n’est pas un XML bien formé, puis le renvoyer.',
  'report/xml-forbidden': 'L’éditeur du RIS doit retirer du CDA la DTD ou les entités, puis renvoyer le message.',
  'report/not-a-cda': 'L’éditeur du RIS doit joindre un document CDA R2, puis renvoyer le message.',
  'report/type-unsupported': 'Le RIS ne doit adresser à ce port que des comptes-rendus d’imagerie.',
  'report/field-missing':
    'Le RIS doit compléter le compte-rendu (le détail nomme ce qui manque ; drimbox report read FICHIER le montre) et envoyer un remplacement.',
  'report/field-invalid':
    'Le RIS doit corriger la valeur du compte-rendu (le détail la situe ; drimbox report read FICHIER la montre) et envoyer un remplacement.',
  'report/ins-missing':
    'Le service qui gère l’identité doit qualifier l’INS du patient dans le RIS, qui renvoie le compte-rendu.',
  'report/study-missing':
    'L’éditeur du RIS doit faire figurer le StudyInstanceUID dans le compte-rendu (documentationOf/serviceEvent/id), puis le renvoyer.',
  // kos
  'kos/study-empty':
    'L’examen ne contient que des objets rejetés ou des manifestes : vérifier dans le PACS que les images sont bien arrivées.',
  'kos/value-invalid':
    'Corriger dans le PACS la valeur DICOM que le détail nomme (patient ou examen), ou dans le RIS si elle vient du compte-rendu, ' +
    `${release}.`,
  'kos/unreadable':
    'Un manifeste ou une note de rejet du PACS (ou le fichier donné) est endommagé : le retirer du PACS ou le renvoyer depuis sa source, ' +
    `${release}.`,
  // dmp
  'dmp/unreachable': `Vérifier le réseau et Dmp.BaseUrl (drimbox doctor). ${byItself} quand le DMP répond.`,
  'dmp/timeout': `${byItself} : le DMP est d’abord interrogé pour savoir si le document est arrivé. Si cela dure, augmenter Dmp.TimeoutMs.`,
  'dmp/connection-lost': `${byItself} : le DMP est d’abord interrogé pour savoir si le document est arrivé. Si cela dure, vérifier pare-feu et proxy.`,
  'dmp/answer-invalid': `${byItself} : le DMP est d’abord interrogé. Si cela dure, vérifier que Dmp.BaseUrl désigne bien le DMP et non un proxy, puis prévenir le support du DMP.`,
  'dmp/tls-refused':
    'Vérifier Dmp.CaFile et la validité des certificats de la structure (drimbox doctor), puis : drimbox archive release. Les envois attendent.',
  'dmp/unavailable': `${byItself} quand le DMP est disponible ; consulter l’état de service du DMP si cela dure.`,
  'dmp/fault':
    'Le DMP refuse la forme de la demande : transmettre au support du DMP la réponse archivée (drimbox archive show UID), corriger la configuration, ' +
    `${release}.`,
  'dmp/certificate-refused':
    'Renouveler ou remplacer les certificats ORG AUTH_CLI et ORG SIGN de la structure (Dmp.Structures), redémarrer le service, puis : drimbox archive release.',
  'dmp/structure-refused':
    'Vérifier l’identifiant de la structure et le rattachement du professionnel (annuaire santé, Dmp.Structures : Id, Role, Sector), redémarrer le service, puis : drimbox archive release.',
  'dmp/patient-unknown':
    'Le patient n’a pas de dossier ouvert sous cet INS : faire vérifier l’INS par le service qui gère l’identité ; si un dossier est ouvert plus tard, drimbox archive release UID.',
  'dmp/patient-closed':
    'Le patient a fermé son dossier : il n’y a rien à publier. S’il le rouvre, drimbox archive release UID.',
  'dmp/document-duplicate':
    'Le DMP a déjà un autre document sous cet identifiant : ne rien renvoyer ; demander au support avec drimbox archive show UID.',
  'dmp/document-unknown':
    'Le document à remplacer ou à supprimer n’est plus dans le DMP : vérifier qui l’a retiré, puis drimbox archive release UID pour republier ce qui doit l’être.',
  'dmp/refused':
    'Lire le refus du DMP (drimbox archive show UID), en corriger la cause dans le RIS, le PACS ou la configuration, ' +
    `${release}.`,
  'dmp/partial-success':
    'Le DMP n’a pris qu’une partie du lot : vérifier dans le dossier du patient ce qui s’y trouve et prévenir le support du DMP avant drimbox archive release UID.',
  'dmp/signature-invalid':
    'Ne pas utiliser ce document : sa signature ne correspond pas à son contenu. Demander à la source de le produire de nouveau, ou vérifier Dmp.CaFile.',
  'dmp/certificate-unreadable':
    'Corriger les chemins ou les droits des certificats et clés de Dmp.Structures et de Dmp.CaFile (drimbox doctor), puis redémarrer le service.',
  'dmp/server-error': `${byItself} : le DMP est d’abord interrogé pour savoir si le document est arrivé. Si cela dure, prévenir le support du DMP.`,
  'dmp/document-several':
    'Le DMP a plusieurs documents sous le même identifiant : ne rien envoyer et prévenir le support du DMP avec drimbox archive show UID.',
  'dmp/value-invalid':
    'Corriger dans le RIS ou dans la configuration la valeur que le détail nomme (trop longue, vide ou avec un séparateur), ' +
    `${release}.`,
  'dmp/metadata-invalid':
    'Les métadonnées de ce lot ne sont pas celles d’un dépôt XDS lisible : demander à la source un nouvel export ; rien n’en a été pris.',
  // publication: a message that was refused
  'publication/environment-mismatch':
    'Vérifier Environment et le RIS : un message ou un INS de test ne va pas en production, ni l’inverse.',
  'publication/patient-mismatch':
    'Le RIS a joint le compte-rendu d’un autre patient, ou l’identité a été corrigée entre les deux : vérifier l’identité, puis renvoyer le message.',
  'publication/identity-not-validated':
    'Le service qui gère l’identité doit qualifier l’identité du patient (statut VALI) ; le RIS renvoie ensuite le compte-rendu.',
  // publication: a study that is held or failed
  'publication/person-unresolved':
    'Le compte-rendu doit nommer le professionnel et la structure de sa validation : le corriger dans le RIS et envoyer un remplacement, ou changer PersonSource de Hl7.Senders, ' +
    `${release}.`,
  'publication/structure-unconfigured':
    'Ajouter à Dmp.Structures la structure du compte-rendu (Id ou Aliases) et ses certificats, redémarrer le service : l’examen est repris.',
  'publication/sender-incomplete':
    'Renseigner Role et Sector de la structure dans Dmp.Structures (une archive importée ne les dit pas) et redémarrer le service : l’examen est repris.',
  'publication/images-mismatch':
    'Les images portent un autre patient ou une autre demande que le compte-rendu : corriger le PACS (rapprochement) ou le RIS. L’examen est repris de lui-même ; rien n’est envoyé avant.',
  'publication/images-unmatched':
    'Renseigner dans le PACS le numéro de demande (AccessionNumber) ou l’identifiant du patient, comme dans le compte-rendu ; l’examen est repris de lui-même.',
  'publication/study-duplicated':
    'Orthanc a cet examen sous deux identifiants de patient : vérifier lequel est juste, fusionner ou supprimer l’autre dans Orthanc. L’examen est repris de lui-même.',
  'publication/order-unpaired':
    'Accorder les numéros de demande du compte-rendu et du PACS (AccessionNumber), dans le PACS ou par un compte-rendu de remplacement.',
  'publication/patient-changed':
    'Deux comptes-rendus de cet examen ont des INS différents : le RIS doit supprimer ou remplacer celui qui est faux. Rien n’est envoyé avant.',
  'publication/secret-connection':
    'Renseigner Dmp.SecretConnection selon ce que le DMP prescrit et redémarrer le service, ou faire retirer la demande de connexion secrète du compte-rendu.',
  'publication/document-withdrawn':
    'Le KOS a été retiré du DMP par quelqu’un d’autre (patient, professionnel) : ne republier que si c’est voulu, par drimbox archive release UID.',
  'publication/study-not-found':
    'Envoyer les images au PACS : elles seront publiées dès leur arrivée. Si elles y sont déjà, vérifier le StudyInstanceUID du compte-rendu.',
  'publication/deletion-unproven':
    'Vérifier dans Orthanc que l’examen a bien été supprimé à dessein (drimbox deletions), puis : drimbox deletions confirm UID ; sinon, remettre les images et l’alerte tombe.',
  'publication/deletion-limit':
    'Vérifier que ces suppressions sont voulues (purge, migration) : drimbox deletions, puis drimbox deletions confirm UID ou --all ; sinon, restaurer le PACS.',
  'publication/pacs-database-changed':
    'Vérifier qu’Orthanc n’a pas été restauré d’une vieille sauvegarde ni remplacé (drimbox pacs). Si cette base est la bonne : drimbox pacs accept.',
  'publication/restored-unsure':
    'L’archive vient d’une sauvegarde et cet examen a pu être publié depuis : vérifier dans le DMP du patient, puis : drimbox archive release UID s’il n’y est pas.',
  // notification
  'notification/unreachable':
    'Vérifier l’adresse du serveur d’alertes (Alerts.Email.SmtpUrl, Alerts.Webhook.Url) et le réseau ; les alertes sont envoyées de nouveau d’elles-mêmes. En attendant : drimbox alerts.',
  'notification/timeout':
    'Le serveur d’alertes est trop lent : le vérifier ; les alertes sont envoyées de nouveau d’elles-mêmes. En attendant : drimbox alerts.',
  'notification/tls-refused':
    'Vérifier le certificat du serveur d’alertes (autorité connue de la machine, nom, date), puis redémarrer le service. En attendant : drimbox alerts.',
  'notification/login-refused':
    'Corriger Alerts.Email.Username et Alerts.Email.PasswordFile, puis redémarrer le service. En attendant : drimbox alerts.',
  'notification/refused':
    'Lire le détail : le serveur d’alertes refuse le message (expéditeur, adresse du webhook) ; corriger Alerts, puis redémarrer le service. En attendant : drimbox alerts.',
  'notification/recipient-refused':
    'Corriger l’adresse refusée dans Alerts.Email.To, puis redémarrer le service ; les autres destinataires reçoivent les alertes.',
  // archive
  'archive/not-found': 'Vérifier le StudyInstanceUID ; drimbox archive list donne ceux que l’archive connaît.',
  'archive/environment-mismatch':
    'Vérifier Environment et l’origine du fichier : un document de test n’entre pas en production, ni l’inverse.',
  'archive/study-known':
    'Rien à faire si l’archive a déjà cet examen (drimbox archive show UID) : ce qu’elle a n’est pas écrasé.',
  'archive/xdm-zip-invalid':
    'Transférer de nouveau l’archive ZIP depuis sa source : elle est incomplète ou endommagée.',
  'archive/xdm-name-unsafe':
    'Ne pas utiliser cette archive : un de ses fichiers sortirait du dossier. Demander à la source un export au format IHE XDM.',
  'archive/xdm-too-large':
    'Demander à la source un export en plusieurs archives, ou vérifier qu’il s’agit bien d’un export de KOS.',
  'archive/xdm-file-missing':
    'Demander à la source un nouvel export complet ; les autres lots de l’archive sont importés.',
  'archive/xdm-hash-mismatch':
    'Ce fichier a été modifié ou endommagé depuis l’export : demander à la source un nouvel export ; les autres lots sont importés.',
  'archive/xdm-report-invalid':
    'Demander à la source un export dont le fichier CR.TXT suit le format national ; les autres lots sont importés.',
  'archive/xdm-inconsistent':
    'Les fichiers de ce lot ne parlent pas du même examen : demander à la source un nouvel export ; les autres lots sont importés.',
  'archive/xdm-patient-mismatch':
    'Ne rien importer de ce lot avant que la source n’ait vérifié l’identité du patient ; les autres lots sont importés.',
  'archive/xdm-superseded': 'Rien à faire : la version plus récente de ce KOS, qui est dans la même archive, fait foi.',
  'archive/xdm-conflict':
    'L’archive a déjà cet examen sous une autre forme (drimbox archive show UID) : décider laquelle fait foi ; rien n’a été écrasé.',
  'archive/backup-unreadable':
    'Ce fichier n’est pas une sauvegarde complète de cette archive : en prendre une autre ; drimbox backup verify FICHIER dit si elle est bonne.',
  'archive/backup-newer':
    'Installer une version de DRIMbox au moins aussi récente que celle qui a fait la sauvegarde, puis recommencer.',
  'archive/interrupted': 'Relancer la commande : rien d’incomplet n’a été laissé.',
  'archive/file-exists': 'Choisir un autre nom : un fichier existant n’est jamais remplacé.',
  'archive/file-unwritable':
    'Vérifier le chemin, l’espace libre et les droits de l’utilisateur du service sur ce dossier.',
  // general
  'general/internal':
    'Le traitement est repris de lui-même ; si cela dure, transmettre au support le journal du service à cette heure et drimbox archive show UID.',
};

/** « Que faire » : one French sentence; undefined for a code that the command line or the configuration explains itself. */
export const remedyOf = (code: ErrorCode): string | undefined => remedies[code];
