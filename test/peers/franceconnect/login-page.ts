/** The page where FranceConnect+ would let one choose an identity provider: here one chooses who to be. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { allCivilPersonas, type CivilPersona, civilPersonaOf } from './personas.ts';
import { platformPath } from './provider-settings.ts';

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const choice = (persona: CivilPersona): string => `
        <li><button name="persona" value="${persona.key}">${escape(`${persona.givenNames} ${persona.familyName}`)}</button>
          ${escape(`${persona.birthDate}, ${persona.birthPlace || persona.birthCountry} — ${persona.shows}`)}</li>`;

const page = (uid: string, clientId: string): string => `<!doctype html>
<html lang="fr">
  <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>FranceConnect+ (EXEMPLE)</title></head>
  <body>
    <h1>FranceConnect+ (EXEMPLE)</h1>
    <p>Service imité pour les essais : toutes ces personnes sont inventées. Le site <code>${escape(clientId)}</code> demande
      qui vous êtes.</p>
    <form method="post" action="${platformPath}/interaction/${escape(uid)}">
      <ul>${allCivilPersonas.map(choice).join('')}
      </ul>
      <p><button name="persona" value="">Annuler</button></p>
    </form>
  </body>
</html>`;

const readForm = async (request: IncomingMessage): Promise<URLSearchParams> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8').slice(0, 4096));
};

/** @param request  on `…/interaction/UID`, GET or POST; the provider recognises it by its cookie */
export const serveCivilLogin = async (
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { uid, params } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(page(uid, String(params['client_id'])));
    return;
  }
  const persona = civilPersonaOf((await readForm(request)).get('persona') ?? '');
  const result =
    persona === undefined
      ? { error: 'access_denied', error_description: 'User auth aborted' }
      : { login: { accountId: persona.key, acr: persona.level ?? 'eidas2', amr: ['pwd', 'mfa'] }, consent: {} };
  await provider.interactionFinished(request, response, result);
};
