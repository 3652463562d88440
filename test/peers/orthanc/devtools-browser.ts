/** Debian's Chromium without a screen, driven through its DevTools protocol as a person would use it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = '/usr/bin/chromium';
export const isBrowserHere = (): boolean => existsSync(program);

export interface Browser {
  open(url: string): Promise<void>;
  /** Value of an expression in the page; a promise is waited for. */
  evaluate<T = unknown>(expression: string): Promise<T>;
  /** PNG. */
  screenshot(file: string): Promise<void>;
  close(): Promise<void>;
}

const options = (profile: string): string[] => [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--window-size=1100,800',
  '--remote-debugging-port=0',
  `--user-data-dir=${profile}`,
  'about:blank',
];

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly requestId?: string };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** @param user  types this name and password when Orthanc asks for them */
export const startBrowser = async (user?: { readonly name: string; readonly password: string }): Promise<Browser> => {
  const profile = mkdtempSync(join(tmpdir(), 'drimbox-chromium-'));
  const child = spawn(program, options(profile), { stdio: ['ignore', 'ignore', 'pipe'] });
  const endpoint = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`Chromium did not start: ${said.slice(-500)}`)));
  });
  const socket = new WebSocket(endpoint);
  await once(socket, 'open');

  const waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  let lastId = 0;
  /** Empty for the browser itself, then that of the page. */
  const session: { sessionId?: string } = {};
  const send = (method: string, params: object = {}): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      socket.send(JSON.stringify({ id: lastId, method, params, ...session }));
    });
  /** A request that is gone meanwhile needs no answer. */
  const answer = (method: string, params: object): void => {
    send(method, params).catch(() => undefined);
  };
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    const requestId = message.params?.requestId;
    if (message.method === 'Fetch.requestPaused') answer('Fetch.continueRequest', { requestId });
    if (message.method === 'Fetch.authRequired') {
      const authChallengeResponse =
        user === undefined
          ? { response: 'CancelAuth' }
          : { response: 'ProvideCredentials', username: user.name, password: user.password };
      answer('Fetch.continueWithAuth', { requestId, authChallengeResponse });
    }
    const asked = waiting.get(message.id ?? 0);
    if (asked === undefined) return;
    waiting.delete(message.id ?? 0);
    if (message.error === undefined) asked.resolve(message.result ?? {});
    else asked.reject(new Error(message.error.message));
  });

  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  session.sessionId = (await send('Target.attachToTarget', { targetId, flatten: true }))['sessionId'] as string;
  await send('Page.enable');
  await send('Fetch.enable', { handleAuthRequests: true });

  return {
    open: async (url) => {
      await send('Page.navigate', { url });
    },
    evaluate: async <T>(expression: string) => {
      const { result, exceptionDetails } = await send('Runtime.evaluate', {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails !== undefined) throw new Error(`the page threw: ${JSON.stringify(exceptionDetails)}`);
      return (result as { value: T }).value;
    },
    screenshot: async (file) => {
      const { data } = await send('Page.captureScreenshot', { format: 'png' });
      writeFileSync(file, Buffer.from(data as string, 'base64'));
    },
    close: async () => {
      socket.close();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
};
