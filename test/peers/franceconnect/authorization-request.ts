/** What FranceConnect+ refuses on its own page, before oidc-provider sees the request (facts/identity.md 3.2). */
const known = new Set([
  ...['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'nonce', 'acr_values'],
  ...['claims', 'prompt', 'idp_hint', 'ui_locales'],
]);
/** Not documented: accepted where a test says that this platform takes it. */
const pkce = ['code_challenge', 'code_challenge_method'];

const required = ['client_id', 'redirect_uri', 'response_type', 'scope', 'state', 'nonce', 'acr_values'];

/** @returns what is wrong, in words; undefined when nothing is */
export const faultOfAuthorization = (query: URLSearchParams, takesPkce: boolean): string | undefined => {
  const unknown = [...query.keys()].find((name) => !known.has(name) && !(takesPkce && pkce.includes(name)));
  if (unknown !== undefined) return `paramètre inconnu : ${unknown}`;
  const missing = required.find((name) => (query.get(name) ?? '') === '');
  if (missing !== undefined) return `paramètre obligatoire : ${missing}`;
  if ((query.get('nonce') ?? '').length < 22) return 'nonce de moins de 22 caractères';
  const levels = (query.get('acr_values') ?? '').split(' ');
  return levels.every((level) => level === 'eidas2' || level === 'eidas3') ? undefined : 'acr_values inconnu';
};
