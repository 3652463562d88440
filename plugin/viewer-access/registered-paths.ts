/** Addresses of the listener that are registered at the services of identity: nobody changes them alone. */
export const registeredPaths = {
  /** Where each service sends the browser back to. */
  callback: { psc: '/connexion/psc/retour', franceconnect: '/connexion/franceconnect/retour' },
  /** Back-channel logout of Pro Santé Connect. */
  backChannelLogout: '/connexion/psc/fin',
  /** Our keys, for FranceConnect+. */
  encryptionKeys: '/connexion/franceconnect/jwks',
  /** Where both send back to once their own session has ended. */
  signedOut: '/deconnexion',
} as const;
