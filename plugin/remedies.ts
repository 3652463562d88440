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
  'orthanc/file-too-large':
    'Rien à faire sur le PACS : l’objet reste accessible tel qu’il est stocké, mais pas converti dans un autre format.',
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
  // trust
  'trust/token-missing':
    'L’autre DRIMbox n’a pas joint de jeton Pro Santé Connect : son éditeur doit envoyer l’en-tête Authorization à chaque demande d’images.',
  'trust/token-malformed':
    'L’autre DRIMbox envoie autre chose qu’un jeton d’accès Pro Santé Connect : son éditeur doit corriger l’en-tête Authorization.',
  'trust/token-kind-refused':
    'L’autre DRIMbox envoie un jeton d’identité ou de renouvellement : son éditeur doit envoyer le jeton d’accès (access_token).',
  'trust/token-issuer-unknown':
    'Vérifier que Trust.Psc.Environment est le bon (bas pour les tests, production) et que l’autre DRIMbox utilise le même Pro Santé Connect.',
  'trust/token-expired':
    'L’autre DRIMbox doit renouveler le jeton avant chaque demande. Si tous les jetons sont refusés ainsi, régler l’heure de cette machine (drimbox doctor).',
  'trust/token-not-yet-valid':
    'Régler l’heure de cette machine (drimbox doctor) : elle retarde sur celle de Pro Santé Connect.',
  'trust/token-inactive':
    'Le professionnel s’est déconnecté ou son jeton est révoqué : il doit se connecter de nouveau à Pro Santé Connect.',
  'trust/token-signature-invalid':
    'Ce jeton n’est pas signé par Pro Santé Connect : si cela se répète depuis la même DRIMbox, prévenir son exploitant et l’équipe de sécurité.',
  'trust/token-no-identity':
    'Le compte utilisé n’a pas d’identifiant national : le professionnel doit se connecter avec sa carte CPS ou sa e-CPS.',
  'trust/token-profession-refused':
    'La profession n’est pas dans Trust.Psc.Professions, ou Pro Santé Connect ne la donne pas : compléter la liste si ce professionnel doit voir les images.',
  'trust/token-client-refused':
    'Le client Pro Santé Connect (azp) n’est pas dans Trust.Psc.ClientsByPeer pour cette DRIMbox : le vérifier avec son exploitant avant de compléter la liste.',
  'trust/token-binding-refused':
    'Le jeton est lié au certificat d’un autre système : si l’autre DRIMbox passe par un proxy e-Santé, mettre Trust.Psc.Binding.Policy à log.',
  'trust/psc-unreachable':
    'Vérifier le réseau sortant vers Pro Santé Connect et la météo de ce service ; aucune image n’est servie entre-temps, tout reprend de soi-même.',
  'trust/psc-timeout':
    'Vérifier le réseau sortant vers Pro Santé Connect ; au besoin augmenter Trust.Psc.TimeoutMs. Aucune image n’est servie entre-temps.',
  'trust/psc-answer-invalid':
    'Vérifier qu’aucun proxy ne remplace les réponses de Pro Santé Connect et que Trust.Psc désigne les bonnes adresses ; sinon prévenir le support de Pro Santé Connect.',
  'trust/psc-tls-refused':
    'Vérifier Trust.Psc.CaFile (autorités du serveur de Pro Santé Connect) et qu’aucun équipement du réseau n’intercepte la connexion.',
  'trust/psc-refused-us':
    'Vérifier Trust.Psc.ClientId, son secret ou son certificat (échéance), et que ce client est habilité à l’introspection par Pro Santé Connect.',
  'trust/dn-invalid':
    'L’opérateur nommé doit faire corriger son nom distinctif (DN) par l’ANS ; les autres domaines de la liste blanche restent servis.',
  'trust/whitelist-unreachable':
    'Vérifier Trust.Whitelist.Url (ou File), le pare-feu et le certificat du serveur ; la dernière bonne copie reste servie et l’essai est refait de lui-même.',
  'trust/whitelist-too-large':
    'Vérifier que Trust.Whitelist.Url ou File désigne bien la liste blanche de l’ANS ; la dernière bonne copie reste servie.',
  'trust/whitelist-malformed':
    'Vérifier que Trust.Whitelist.Url ou File désigne bien la liste blanche de l’ANS, puis le signaler à l’ANS ; la dernière bonne copie reste servie.',
  'trust/whitelist-empty':
    'Le signaler à l’ANS : une liste vide couperait tous les échanges ; la dernière bonne copie reste servie.',
  'trust/whitelist-unsigned':
    'Ne pas utiliser ce fichier : prendre la liste signée de l’ANS (Trust.Whitelist.Url ou File) ; la dernière bonne copie reste servie.',
  'trust/whitelist-signature-shape':
    'Ne pas utiliser ce fichier, qui peut être contrefait : le comparer à celui de l’ANS et le lui signaler ; la dernière bonne copie reste servie.',
  'trust/whitelist-signature-invalid':
    'Ne pas utiliser ce fichier, qui a été modifié ou contrefait : le comparer à celui de l’ANS et le lui signaler ; la dernière bonne copie reste servie.',
  'trust/whitelist-algorithm-refused':
    'Le signaler à l’ANS : seuls SHA-256 et plus, RSA (2048 bits et plus) ou ECDSA sont acceptés ; la dernière bonne copie reste servie.',
  'trust/whitelist-signer-unknown':
    'Ne pas utiliser ce fichier. Si l’ANS a annoncé un autre signataire, corriger Trust.Whitelist.SignerDns ou SignerIssuerDns ; la dernière bonne copie reste servie.',
  'trust/whitelist-signer-untrusted':
    'Vérifier les autorités IGC-Santé configurées (test ou production, racine et intermédiaire) ; la dernière bonne copie reste servie.',
  'trust/whitelist-signer-expired':
    'Vérifier l’heure de cette machine, puis demander à l’ANS une liste signée avec un certificat valide. La dernière bonne copie est servie pendant Trust.Whitelist.SignerGraceDays.',
  'trust/whitelist-signer-purpose':
    'Ne pas utiliser ce fichier et le signaler à l’ANS ; la dernière bonne copie reste servie.',
  'trust/whitelist-signer-revoked':
    'La liste n’est plus servie : demander à l’ANS une liste signée avec un nouveau certificat.',
  'trust/whitelist-revocation-unknown':
    'Vérifier l’accès aux listes de révocation (CRL) d’IGC-Santé ; l’essai est refait de lui-même, une copie déjà vérifiée reste servie.',
  'trust/whitelist-too-old':
    'Vérifier que Trust.Whitelist.Url ou File ne désigne pas une ancienne liste ; la dernière bonne copie, plus récente, reste servie.',
  'trust/whitelist-from-future':
    'Vérifier l’heure de cette machine ; si elle est juste, le signaler à l’ANS. La dernière bonne copie reste servie.',
  'trust/whitelist-stale':
    'Rétablir l’accès à Trust.Whitelist.Url (ou déposer un fichier récent) : un opérateur retiré par l’ANS serait encore accepté.',
  'trust/whitelist-absent':
    'Configurer Trust.Whitelist, puis lire les autres alertes de la liste blanche ; un fichier se vérifie avec la commande whitelist verify.',
  'trust/whitelist-not-kept':
    'Vérifier l’espace libre et les droits du dossier du service ; la liste reste servie jusqu’au prochain redémarrage.',
  'trust/whitelist-ca-invalid':
    'Donner les certificats IGC-Santé en PEM : la racine et l’autorité intermédiaire qui a émis le certificat du signataire.',
  'trust/certificate-missing':
    'L’exploitant de la DRIMbox distante doit configurer son certificat client IGC-Santé ; rien à faire ici.',
  'trust/certificate-untrusted':
    'Vérifier que Trust.Peers.CaFiles contient la racine et toutes les autorités intermédiaires IGC-Santé ; sinon l’exploitant distant doit utiliser un certificat IGC-Santé.',
  'trust/certificate-expired':
    'Vérifier l’heure de cette machine ; si elle est juste, l’exploitant de la DRIMbox distante doit renouveler son certificat.',
  'trust/certificate-not-yet-valid':
    'Vérifier l’heure de cette machine ; si elle est juste, l’exploitant distant utilise un certificat trop tôt.',
  'trust/certificate-purpose':
    'L’exploitant de la DRIMbox distante doit utiliser un certificat client (clientAuth) ; si IGC-Santé en délivre d’autres, voir Trust.Peers.Purposes.',
  'trust/certificate-algorithm':
    'L’exploitant de la DRIMbox distante doit demander un nouveau certificat à IGC-Santé (SHA-256, RSA 2048 au moins).',
  'trust/certificate-revoked':
    'Ne pas rétablir l’accès : ce certificat a été révoqué. L’exploitant de la DRIMbox distante doit en demander un autre.',
  'trust/certificate-revocation-unknown':
    'Vérifier l’accès aux listes de révocation (CRL) et au répondeur OCSP d’IGC-Santé ; les demandes sont de nouveau servies dès qu’ils répondent.',
  'trust/peer-not-listed':
    'Si l’opérateur vient d’être ajouté ou a changé de certificat, attendre la prochaine liste blanche de l’ANS ; sinon le refus est voulu.',
  'trust/ca-missing':
    'Donner dans Trust.Peers.CaFiles les certificats IGC-Santé (PEM), lisibles par le service, puis le redémarrer.',
  'trust/ca-invalid':
    'Donner dans Trust.Peers.CaFiles des certificats d’autorités en PEM, chacun avec sa racine, puis redémarrer le service.',
  'trust/ca-environment-mismatch':
    'Ne mettre dans Trust.Peers.CaFiles que les autorités de l’environnement configuré (TEST en test seulement), puis redémarrer le service.',
  'trust/revocation-unreachable':
    'Ouvrir la sortie réseau vers l’adresse de l’alerte (pare-feu, mandataire) ; l’essai est refait de lui-même, la dernière liste sert entre-temps.',
  'trust/revocation-list-refused':
    'Vérifier que l’adresse de l’alerte est bien celle de la liste de cette autorité et que l’heure de la machine est juste ; la dernière bonne liste sert entre-temps.',
  'trust/revocation-list-stale':
    'Rétablir l’accès à la liste de révocation avant la fin de Trust.Revocation.GraceHours : ensuite les autres DRIMbox seront refusées.',
  'trust/revocation-list-absent':
    'Rétablir l’accès à la liste de révocation (ou déposer un fichier et le nommer dans Trust.Revocation.Lists) : les DRIMbox de cette autorité sont refusées entre-temps.',
  'trust/revocation-list-not-kept':
    'Vérifier l’espace libre et les droits du dossier du service ; la liste sert jusqu’au prochain redémarrage.',
  'trust/ocsp-refused':
    'Vérifier Trust.Revocation.Ocsp.Url et l’heure de cette machine ; les listes de révocation servent entre-temps.',
  'trust/server-certificate-invalid':
    'Corriger la paire de fichiers nommée par l’alerte (certificat, clé, droits) : elle est relue d’elle-même, l’ancien certificat sert entre-temps.',
  'trust/server-certificate-expired':
    'Demander un certificat et remplacer ses fichiers : ils sont relus sans redémarrage. Les autres DRIMbox refusent l’actuel.',
  'trust/certificate-expires':
    'Renouveler le certificat tant qu’il est valable et remplacer ses fichiers : ils sont relus sans redémarrage.',
  // audit
  'audit/unavailable':
    'Vérifier la base de données (drimbox doctor) : sans trace écrite, aucune image ne part. La transmission reprend d’elle-même avec la base.',
  // renditions
  'renditions/cache-locked':
    'Donner à chaque service son propre dossier de cache d’images, ou arrêter l’autre service, puis redémarrer celui-ci.',
  'renditions/cache-folder-foreign':
    'Choisir pour le cache d’images un dossier vide : celui-ci contient des fichiers qui n’en viennent pas, et rien n’y est effacé.',
  'renditions/cache-unwritable':
    'Vérifier le chemin, l’espace libre et les droits de l’utilisateur du service sur le dossier du cache d’images, puis redémarrer le service.',
  'renditions/cache-damaged':
    'Rien à faire : le fichier est retiré du cache et l’image est faite de nouveau à la demande suivante. Si cela se répète, vérifier le disque.',
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
  // dicom-file
  'dicom-file/not-dicom':
    'Le fichier stocké par Orthanc n’est pas un DICOM : vérifier le disque du PACS, puis renvoyer l’image depuis sa source.',
  'dicom-file/malformed':
    'Le fichier stocké par Orthanc est endommagé ou mal écrit par la modalité : le renvoyer depuis sa source, ou signaler le défaut à l’éditeur de la modalité.',
  'dicom-file/too-deep':
    'Le fichier a une structure anormale : le retirer du PACS s’il n’est pas légitime, sinon le transmettre au support.',
  'dicom-file/too-large':
    'Le fichier a une structure ou une taille anormale : le retirer du PACS s’il n’est pas légitime, sinon le transmettre au support.',
  'dicom-file/syntax-unsupported':
    'Le fichier est écrit dans un format privé : le faire convertir par la modalité ou le PACS dans une syntaxe de transfert DICOM, puis le stocker de nouveau.',
  'dicom-file/identity-mismatch':
    'Ne pas forcer : le fichier du PACS porte d’autres identifiants (examen, série, image ou INS) que ceux attendus. Vérifier dans le PACS une fusion ou une correction de patient, et le disque.',
  'dicom-file/frames-unreadable':
    'Les pixels de ce fichier ne correspondent pas à son en-tête : le renvoyer depuis sa source, ou signaler le défaut à l’éditeur de la modalité.',
  // wado (the request)
  'wado/kos-unknown':
    'Rien à faire si un autre DRIMbox se trompe de site ; sinon, vérifier que l’archive n’a pas été restaurée d’une vieille sauvegarde (drimbox archive status).',
  'wado/kos-not-current':
    'Rien à faire : ce KOS a été remplacé ou retiré ; le demandeur doit consulter de nouveau le DMP.',
  'wado/study-held':
    'Lever la retenue de l’examen : drimbox archive show UID dit pourquoi ; puis drimbox archive release.',
  'wado/report-gone':
    'Rien à faire : le compte-rendu a été supprimé ou concerne un autre patient ; le KOS est retiré du DMP de lui-même.',
  'wado/masked': 'Rien à faire : le compte-rendu est masqué aux professionnels, sauf à ses auteurs.',
  'wado/study-mismatch':
    'Rien à faire : le demandeur présente le KOS d’un autre examen ; s’il insiste, prévenir son exploitant.',
  'wado/not-referenced': 'Rien à faire : le KOS ne nomme pas cette série ou cette image.',
  'wado/study-duplicated':
    'Orthanc a plusieurs examens sous ce StudyInstanceUID : n’en garder qu’un ; l’examen est libéré de lui-même.',
  'wado/images-gone': 'Vérifier que ces images ont été supprimées à dessein du PACS : le KOS sera retiré du DMP.',
  'wado/metadata-unreadable': 'Vérifier l’image dans le PACS : ses attributs ne peuvent pas être lus.',
  'wado/method-not-allowed': 'Rien à faire : seul GET est servi.',
  'wado/cancelled': 'Rien à faire : le demandeur a fermé la connexion avant la fin.',
  'wado/listen-failed': 'Libérer le port ou changer Wado.Port, puis redémarrer le service.',
  'wado/busy': 'Si cela dure, augmenter Wado.Limits ou regarder ce que demandent les autres DRIMbox (drimbox audit).',
  'wado/resource-unknown':
    'Comparer l’adresse demandée et celle des KOS publiés : garder dans la configuration tous les chemins de base qui ont servi ; sinon, l’éditeur de la DRIMbox distante corrige sa demande.',
  'wado/query-unsupported':
    'L’éditeur de la DRIMbox distante doit donner les formats acceptés dans l’en-tête Accept, et non dans l’adresse.',
  'wado/accept-invalid':
    'L’éditeur de la DRIMbox distante doit corriger l’en-tête Accept de sa demande (valeurs q de 0 à 1, trois décimales au plus).',
  'wado/kos-header-missing':
    'L’éditeur de la DRIMbox distante doit transmettre l’en-tête KOS-SOPInstanceUID du KOS lu dans le DMP.',
  'wado/kos-header-invalid':
    'L’éditeur de la DRIMbox distante doit transmettre une seule fois, tel quel, le SOPInstanceUID du KOS lu dans le DMP.',
  'wado/not-acceptable':
    'L’éditeur de la DRIMbox distante doit accepter aussi Explicit VR Little Endian (1.2.840.10008.1.2.1) ou le format d’origine des images.',
  // renditions
  'renditions/decode-failed':
    'L’image du PACS est endommagée ou contredit son en-tête : la renvoyer depuis sa source, ou signaler le défaut à l’éditeur de la modalité.',
  'renditions/encode-failed':
    'L’image n’a pas pu être convertie à l’identique et n’est pas partie ainsi : transmettre au support le journal du service à cette heure ; l’image d’origine reste servie à qui l’accepte.',
  'renditions/unsupported':
    'L’éditeur de la DRIMbox distante doit accepter aussi Explicit VR Little Endian (1.2.840.10008.1.2.1) ou le format d’origine de l’image.',
  'renditions/timeout':
    'Si cela se répète, augmenter Wado.Transcoding.TimeoutSeconds ou le nombre de processeurs ; sinon l’image est endommagée : la renvoyer depuis sa source.',
  // viewer-access
  'viewer-access/link-malformed':
    'Ouvrir le lien depuis le compte-rendu, sans le recopier ; s’il est déjà ainsi dans le compte-rendu, l’éditeur du RIS doit le corriger (quatre paramètres, chacun une fois).',
  'viewer-access/link-refused':
    'Chercher dans les traces (drimbox audit) le code que la personne lit à l’écran : la vraie raison y est ; elle n’est jamais montrée.',
  'viewer-access/report-unknown':
    'Comparer l’identifiant du compte-rendu imprimé dans le lien et celui du document CDA (racine et extension) : l’éditeur du RIS corrige le lien ; sinon quelqu’un essaie des adresses.',
  'viewer-access/report-gone':
    'Rien à faire : ce compte-rendu a été supprimé, concerne un autre patient ou ne nomme plus cet examen ; le lien de la version en vigueur fonctionne.',
  'viewer-access/accession-mismatch':
    'L’éditeur du RIS doit imprimer dans le lien le numéro d’examen (accession number) que porte le compte-rendu CDA.',
  'viewer-access/accession-unknown':
    'Le compte-rendu CDA ne porte aucun numéro d’examen (accession number) : l’éditeur du RIS doit l’y mettre, le lien ne peut pas être vérifié sans lui.',
  'viewer-access/series-unknown':
    'Rien à faire si la série a été retirée du PACS ; sinon l’éditeur du RIS corrige le lien, qui nomme une série que le KOS n’a pas.',
  'viewer-access/not-published':
    'Voir pourquoi cet examen n’a pas de KOS en vigueur (drimbox archive show UID) : le lien s’ouvre dès qu’il est publié.',
  'viewer-access/study-held':
    'Lever la retenue de l’examen : drimbox archive show UID dit pourquoi ; puis drimbox archive release.',
  'viewer-access/other-patient':
    'Ne rien forcer : le compte-rendu et le KOS nomment deux patients ; vérifier la correction d’identité dans le RIS et le PACS.',
  'viewer-access/hidden-from-patient':
    'Rien à faire : le compte-rendu est invisible au patient ou à ses représentants ; le RIS lève cette restriction quand le médecin l’a annoncé.',
  'viewer-access/masked': 'Rien à faire : le compte-rendu est masqué aux professionnels, sauf à ses auteurs.',
  'viewer-access/identity-mismatch':
    'Vérifier dans le RIS les traits d’identité du patient (nom et prénom de naissance, date, sexe, lieu) : ils diffèrent de ceux de FranceConnect+. Ne jamais transmettre les images autrement sans vérifier l’identité.',
  'viewer-access/identity-throttled':
    'Attendre une heure ; si la personne est bien le patient, vérifier d’abord dans le RIS ses traits d’identité : trop d’essais ont échoué.',
  'viewer-access/session-ended':
    'La personne ouvre de nouveau le lien de son compte-rendu et se connecte ; les durées se règlent dans SignIn.',
  'viewer-access/form-refused':
    'La personne ouvre de nouveau le lien et accepte les cookies de ce site ; si cela dure, vérifier que le mandataire transmet l’en-tête Host d’origine.',
  'viewer-access/form-invalid':
    'La personne ouvre de nouveau le lien de son compte-rendu ; si cela dure, transmettre au support le code affiché.',
  'viewer-access/too-many-requests':
    'Attendre une minute ; si un établissement sort par une seule adresse, augmenter Viewer.Throttle.',
  'viewer-access/host-unknown':
    'Ajouter le nom (vi…) à Viewer.Certificates, ou corriger le mandataire qui change l’en-tête Host.',
  'viewer-access/page-unknown': 'Rien à faire : la personne ouvre le lien de son compte-rendu.',
  'viewer-access/method-not-allowed': 'Rien à faire : seul un programme, et non un navigateur, demande cela.',
  'viewer-access/listen-failed': 'Libérer le port ou changer Viewer.Port, puis redémarrer le service.',
  'viewer-access/files-missing':
    'Installer la livraison en entier (scripts/release la fait), ou construire la visionneuse (scripts/setup --runtime --viewer), ou corriger Viewer.StaticFolder ; puis redémarrer le service.',
  // sign-in (Pro Santé Connect, FranceConnect+)
  'sign-in/provider-not-configured':
    'Renseigner SignIn.ProSanteConnect (professionnels) ou SignIn.FranceConnect (patients) dans la configuration.',
  'sign-in/provider-unreachable':
    'Vérifier que ce serveur peut joindre Pro Santé Connect et FranceConnect+ (pare-feu, mandataire, DNS) et l’état publié de ces services. Les personnes réessaient : rien n’est à relancer.',
  'sign-in/provider-timeout':
    'Le service de connexion ou le réseau est lent : regarder l’état publié du service ; au besoin augmenter TimeoutMs de ProSanteConnect ou de FranceConnect.',
  'sign-in/provider-answer-invalid':
    'Quelque chose répond à la place du service de connexion (mandataire, page d’accueil du réseau), ou Environment n’est pas le bon : vérifier les adresses, puis demander au support.',
  'sign-in/provider-tls-refused':
    'Le certificat du service de connexion n’est pas d’une autorité reconnue : corriger CaFile, ou retirer le mandataire qui déchiffre les échanges.',
  'sign-in/provider-refused-us':
    'Vérifier ClientId, le secret ou le certificat, l’adresse de retour déclarée et les scopes accordés, auprès de l’ANS (Pro Santé Connect) ou dans Datapass (FranceConnect+).',
  'sign-in/given-up': 'Rien à faire : la personne a renoncé à se connecter et peut recommencer depuis le lien.',
  'sign-in/attempt-expired':
    'La personne recommence depuis le lien du compte-rendu ; si toutes échouent, vérifier l’heure du serveur.',
  'sign-in/state-mismatch':
    'La personne ferme les autres onglets de connexion et rouvre le lien du compte-rendu ; des refus nombreux peuvent signaler une attaque.',
  'sign-in/issuer-mismatch':
    'La personne rouvre le lien du compte-rendu ; si toutes échouent, vérifier que le mandataire transmet le nom d’hôte d’origine. Des refus nombreux peuvent signaler une attaque.',
  'sign-in/code-refused':
    'La personne rouvre le lien du compte-rendu au lieu de revenir en arrière ou de recharger la page.',
  'sign-in/token-invalid':
    'Réessayer après une minute (le service a pu changer ses clés) ; si cela dure, signaler au support du service de connexion, sans transmettre de jeton.',
  'sign-in/token-not-encrypted':
    'Vérifier que FranceConnect+ lit nos clés à jour (adresse /connexion/franceconnect/jwks) et que l’algorithme déclaré dans Datapass est celui de la première clé.',
  'sign-in/token-expired':
    'Mettre ce serveur à l’heure (NTP), puis réessayer : les réponses de FranceConnect+ ne valent qu’une minute.',
  'sign-in/token-mismatch':
    'La personne rouvre le lien du compte-rendu ; si toutes échouent, vérifier ClientId. Des refus nombreux peuvent signaler une attaque.',
  'sign-in/level-too-low':
    'La personne choisit un moyen de connexion plus sûr : l’Identité numérique de La Poste ou France Identité par exemple, ou la carte CPS.',
  'sign-in/subject-mismatch':
    'Signaler au support du service de connexion, avec l’heure et le code, sans identité ni jeton ; la personne peut réessayer.',
  'sign-in/identity-incomplete':
    'Le compte Pro Santé Connect du professionnel n’a pas d’identifiant national ou de nom : il le fait compléter par son ordre ou son établissement.',
  'sign-in/attempt-unknown':
    'La personne recommence depuis le lien du compte-rendu, dans un seul navigateur qui accepte les cookies de ce site.',
  'sign-in/attempts-too-many':
    'Si cet établissement n’a qu’une adresse pour tous ses postes, augmenter SignIn.Sessions.AttemptsPerMinute ; sinon une machine insiste : le dire au réseau.',
  'sign-in/mismatches-too-many':
    'La personne attend une heure. Si elle est bien le patient, comparer l’identité INS du compte-rendu avec sa pièce d’identité et la faire corriger dans le RIS.',
  'sign-in/grants-too-many':
    'La personne se déconnecte, puis rouvre le lien ; la limite est SignIn.Sessions.GrantsPerSession.',
  'sign-in/logout-token-invalid':
    'Aucune action si c’est isolé ; s’il s’en produit à chaque déconnexion, vérifier ClientId et l’heure du serveur.',
  'sign-in/logout-token-replayed': 'Aucune action : la déconnexion a déjà eu lieu la première fois.',
  // viewer-access, download
  'viewer-access/download-empty':
    'Vérifier dans le PACS que l’examen et ses images existent encore (drimbox archive show UID) ; s’ils ont été déplacés, les restituer.',
  'viewer-access/download-changed':
    'Recommencer le téléchargement ; si cela se répète, chercher ce qui remplace ou modifie les images de cet examen dans le PACS.',
  // viewer-access, images
  'viewer-access/image-not-found':
    'Rien à faire si cela reste isolé : l’image demandée n’est pas, ou n’est plus, dans l’examen publié. Sinon, ouvrir de nouveau le lien du compte-rendu.',
  'viewer-access/image-request-invalid':
    'Vérifier que la visionneuse servie est celle de cette version (drimbox doctor) ; sinon, transmettre au support l’adresse demandée.',
  'viewer-access/image-not-displayable':
    'Rien à faire : l’objet (compte-rendu structuré, courbe, format rare) n’a pas d’image ; il reste dans le téléchargement de l’examen.',
  'viewer-access/range-unsatisfiable': 'Recharger la page : le navigateur demande la suite d’un fichier qui a changé.',
  'viewer-access/images-busy':
    'Si cela dure, augmenter Requests ou RequestsPerSession des images de la visionneuse, ou regarder la charge du serveur et du PACS.',
  'viewer-access/images-cancelled': 'Rien à faire : la personne a fermé la page ou changé de série avant la fin.',
  // general
  'general/internal':
    'Le traitement est repris de lui-même ; si cela dure, transmettre au support le journal du service à cette heure et drimbox archive show UID.',
};

/** « Que faire » : one French sentence; undefined for a code that the command line or the configuration explains itself. */
export const remedyOf = (code: ErrorCode): string | undefined => remedies[code];
