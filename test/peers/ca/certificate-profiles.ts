/**
 * What each kind of certificate of the test authority holds, as OpenSSL extension sections.
 *
 * @see facts/identity.md 4.3, 5.1 (offers ORG AUTH_CLI, ORG SIGN, SSL of IGC-Santé) — an assumption where the public texts are silent:
 *      AUTH_CLI = clientAuth + digitalSignature; SIGN = digitalSignature + nonRepudiation + emailProtection (as the whitelist signer has)
 */
export const certificateProfiles = {
  root: [
    'basicConstraints = critical,CA:TRUE',
    'keyUsage = critical,keyCertSign,cRLSign',
    'subjectKeyIdentifier = hash',
  ],
  intermediate: [
    'basicConstraints = critical,CA:TRUE,pathlen:0',
    'keyUsage = critical,keyCertSign,cRLSign',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ],
  authCli: [
    'basicConstraints = CA:FALSE',
    'keyUsage = critical,digitalSignature',
    'extendedKeyUsage = clientAuth',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ],
  sign: [
    'basicConstraints = CA:FALSE',
    'keyUsage = critical,digitalSignature,nonRepudiation',
    'extendedKeyUsage = emailProtection',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ],
  ssl: [
    'basicConstraints = CA:FALSE',
    'keyUsage = critical,digitalSignature,keyEncipherment',
    'extendedKeyUsage = serverAuth',
    'subjectAltName = DNS:localhost,IP:127.0.0.1,IP:::1',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ],
  /** Answers for its issuer whether certificates were revoked. */
  ocspResponder: [
    'basicConstraints = CA:FALSE',
    'keyUsage = critical,digitalSignature',
    'extendedKeyUsage = OCSPSigning',
    'noCheck = ignored',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ],
  /** A responder whose certificate does not say which key signed it. */
  unlinkedResponder: ['basicConstraints = CA:FALSE', 'extendedKeyUsage = OCSPSigning', 'authorityKeyIdentifier = none'],
  /** An authority whose key may sign lists but no certificates. */
  listsOnly: [
    'basicConstraints = critical,CA:TRUE',
    'keyUsage = critical,cRLSign',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ],
  /** An authority that is a client too. */
  clientAuthority: [
    'basicConstraints = critical,CA:TRUE',
    'keyUsage = critical,digitalSignature,keyCertSign',
    'extendedKeyUsage = clientAuth',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
  ],
  /** A client whose certificate says nothing of its uses. */
  bare: ['basicConstraints = CA:FALSE', 'subjectKeyIdentifier = hash', 'authorityKeyIdentifier = keyid'],
} as const;
export type CertificateProfile = keyof typeof certificateProfiles;

/** Attributes of a subject in the order of the certificate (C first): RFC 2253 prints them the other way round. */
export type SubjectName = readonly (readonly ['C' | 'ST' | 'O' | 'OU' | 'CN', string])[];

const igcSante = (commonName: string): SubjectName => [
  ['C', 'FR'],
  ['O', 'EXEMPLE-SANTE'],
  ['OU', '0002 999999999'],
  ['OU', 'IGC-SANTE EXEMPLE'],
  ['CN', commonName],
];

/** Invented names in the shape of IGC-Santé's. */
export const authorityNames = {
  root: igcSante('EXEMPLE AC RACINE IGC-SANTE ELEMENTAIRE'),
  intermediate: igcSante('EXEMPLE AC IGC-SANTE ELEMENTAIRE ORGANISATIONS'),
} as const;
