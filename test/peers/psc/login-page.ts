/** The page where PSC would show a card or a phone: here one chooses who to be. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { personas, type Persona, subjectOf } from './personas.ts';
import { realmPath } from './provider-settings.ts';

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const choice = (persona: Persona): string => `
      <p><button name="persona" value="${persona.key}">${escape(persona.givenName)} ${escape(persona.familyName)}</button>
      ${escape(persona.nationalId ?? 'sans identifiant national')} — ${escape(persona.role ?? 'profession inconnue')}</p>`;

const page = (uid: string, clientId: string): string => `<!doctype html>
<html lang="fr">
  <head><meta charset="utf-8"><title>Pro Santé Connect (EXEMPLE)</title></head>
  <body>
    <h1>Pro Santé Connect (EXEMPLE)</h1>
    <p>Service imité pour les essais. Le logiciel <code>${escape(clientId)}</code> demande qui vous êtes.</p>
    <form method="post" action="${realmPath}/interaction/${escape(uid)}">${Object.values(personas).map(choice).join('')}
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
export const serveLoginPage = async (
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
  const key = (await readForm(request)).get('persona') ?? '';
  const persona = Object.values<Persona>(personas).find((known) => known.key === key);
  const result =
    persona === undefined
      ? { error: 'access_denied', error_description: 'End-User aborted interaction' }
      : { login: { accountId: subjectOf(persona), acr: 'eidas1', amr: ['CARD'] } };
  await provider.interactionFinished(request, response, result);
};
