/**
 * A browser without a screen: keeps cookies, fills in the forms of our pages, chooses who to be at the stand-ins. What it asks
 * for goes out exactly as written: no path is tidied, no header is added but those of a browser.
 */
import { Agent, request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { Agent as UndiciAgent } from 'undici';
import { choosePersona, createBrowser } from '../../fixtures/sign-in/browser.ts';

export interface VisitAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Until the last byte. */
  readonly tookMs: number;
}

export interface VisitRequest {
  readonly method?: string;
  /** Header `Cookie`; null: none. Absent: the visitor's own. */
  readonly cookies?: string | null;
  /** Replace those of a browser. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

export type VisitService = 'psc' | 'franceconnect';

const unescape = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** Hidden fields of the first form of a page. */
export const fieldsOf = (page: Buffer): Readonly<Record<string, string>> => {
  const [form = ''] = /<form[\s\S]*?<\/form>/.exec(page.toString()) ?? [];
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)];
  return Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, unescape(value)]));
};

export class Visitor {
  readonly #origin: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 6, rejectUnauthorized: false, servername: 'localhost' });
  readonly #cookies = new Map<string, string>();

  /** @param origin  `https://localhost:port` */
  constructor(origin: string) {
    this.#origin = new URL(origin);
  }

  /** Header `Cookie`, as it is sent now; undefined: none. */
  get cookies(): string | undefined {
    const pairs = [...this.#cookies].map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? undefined : pairs.join('; ');
  }

  cookie(name: string): string | undefined {
    return this.#cookies.get(name);
  }

  /** @param target  as it stands in the request line */
  ask(target: string, { method = 'GET', cookies, headers = {}, body }: VisitRequest = {}): Promise<VisitAnswer> {
    const sent = cookies === undefined ? this.cookies : (cookies ?? undefined);
    const startedAtMs = performance.now();
    return new Promise((resolve, reject) => {
      const asking = request(
        {
          host: '127.0.0.1',
          port: this.#origin.port,
          agent: this.#agent,
          path: target,
          method,
          headers: {
            Host: this.#origin.host,
            Accept: 'text/html,application/json;q=0.9,*/*;q=0.8',
            ...(sent === undefined ? {} : { Cookie: sent }),
            ...(body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
            ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
            ...(headers as Record<string, string | string[]>),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            if (cookies === undefined) this.#keep(response.headers['set-cookie'] ?? []);
            const tookMs = performance.now() - startedAtMs;
            const { statusCode: status = 0, headers: got } = response;
            resolve({ status, headers: got, body: Buffer.concat(chunks), tookMs });
          });
        },
      );
      asking.on('error', reject);
      asking.end(body);
    });
  }

  /** A form of our own pages. */
  submit(path: string, fields: Readonly<Record<string, string>>, order: VisitRequest = {}): Promise<VisitAnswer> {
    return this.ask(path, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      ...order,
      headers: { Origin: this.#origin.origin, 'Sec-Fetch-Site': 'same-origin', ...order.headers },
    });
  }

  /** From the link to what is answered when the browser comes back. @param link  path and query */
  async comeAs(service: VisitService, persona: string, link: string): Promise<VisitAnswer> {
    const back = await this.signInElsewhere(service, persona, link);
    return this.ask(back.pathname + back.search);
  }

  /** The same, without coming back. @returns the address to come back to */
  async signInElsewhere(service: VisitService, persona: string, link: string): Promise<URL> {
    const choice = await this.ask(link);
    const departure = await this.submit(`/connexion/${service}`, fieldsOf(choice.body));
    const away = /<a href="(https:[^"]+)"/.exec(departure.body.toString())?.[1];
    if (away === undefined) throw new Error(`no departure: ${departure.status} ${departure.body.toString()}`);
    const url = new URL(unescape(away));
    // The authorities of the stand-ins are of tests; who they are is not what is shown here.
    const agent = new UndiciAgent({ connect: { rejectUnauthorized: false } });
    try {
      return await choosePersona(createBrowser(url.origin, agent), url.href, persona);
    } finally {
      await agent.close();
    }
  }

  /** Another link, in the session that is open. */
  async follow(link: string): Promise<VisitAnswer> {
    return this.submit('/acces', fieldsOf((await this.ask(link)).body));
  }

  async signOut(link: string): Promise<VisitAnswer> {
    return this.submit('/deconnexion', fieldsOf((await this.ask(link)).body));
  }

  close(): void {
    this.#agent.destroy();
  }

  #keep(lines: readonly string[]): void {
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/; Max-Age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}
