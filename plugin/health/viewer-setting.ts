/** What the looks at the viewer have in common: the options of the service, and how its listener is asked. */
import { Agent, get } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { SignInOptions } from '../sign-in/index.ts';
import type { TrustEnvironment } from '../trust/index.ts';
import type { ViewerAccessOptions } from '../viewer-access/index.ts';

export interface ViewerSetting {
  readonly viewer: ViewerAccessOptions;
  readonly signIn: SignInOptions;
  readonly environment: TrustEnvironment;
  /** Of the built viewer, unless configured. */
  readonly staticFolder: string;
}

/** What the listener showed and said. */
export interface ListenerAnswer {
  readonly status: number;
  readonly text: string;
  /** SHA-256 of the certificate it showed. */
  readonly fingerprint: string;
  /** Why Node.js does not trust it; undefined: it does. */
  readonly untrusted?: string;
}

const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** From this machine: what names lead to from outside is not known here. */
export const listenerPlace = ({ host, port }: ViewerAccessOptions): { host: string; port: number } => ({
  host: everywhere[host] ?? host,
  port,
});

const maxAnswerBytes = 65_536;

/** Of what went wrong, the word that names nobody. */
export const networkWord = (failure: unknown): string => {
  const { code } = failure as { readonly code?: unknown };
  return typeof code === 'string' && /^[A-Z][A-Z0-9_/]{1,63}$/.test(code) ? code : 'no answer';
};

/**
 * One request over TLS for one of the names, whatever certificate is shown.
 *
 * @throws errors of the network and of TLS, AbortError when it takes too long
 */
export const askListener = (
  options: ViewerAccessOptions,
  { name, path, timeoutMs }: { readonly name: string; readonly path: string; readonly timeoutMs: number },
): Promise<ListenerAnswer> =>
  new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
    const request = get({
      ...listenerPlace(options),
      ...{ path, agent, servername: name, headers: { host: name }, signal: AbortSignal.timeout(timeoutMs) },
      // Nothing secret is sent, and what is shown is compared with the file.
      rejectUnauthorized: false,
    });
    request.once('error', reject);
    request.once('response', (response) => {
      const socket = response.socket as TLSSocket;
      const { fingerprint256 } = socket.getPeerCertificate();
      const untrusted = socket.authorized ? undefined : String(socket.authorizationError);
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > maxAnswerBytes) response.destroy(new Error('too much'));
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          ...{ status: response.statusCode ?? 0, text, fingerprint: fingerprint256 },
          ...(untrusted === undefined ? {} : { untrusted }),
        }),
      );
    });
  });
