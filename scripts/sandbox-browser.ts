/** A browser without a screen, for the sandbox: it keeps cookies, follows redirections and departures, sends forms. */
import { readFileSync } from 'node:fs';
import { Agent, fetch } from 'undici';

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: Buffer;
  readonly text: string;
}

export interface ScreenlessBrowser {
  /** Follows redirections to the end. @param form  sent by POST, as from a page of the same site */
  open(url: string | URL, form?: Readonly<Record<string, string>>, accept?: string): Promise<Page>;
  close(): Promise<void>;
}

const maxRedirections = 10;
const signs: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"' };
const unescape = (text: string): string => text.replaceAll(/&(?:amp|lt|gt|quot);/g, (sign) => signs[sign] ?? sign);

/** The hidden fields of the form that is sent to this path. */
export const readFormFields = ({ text }: Page, action: string): Readonly<Record<string, string>> => {
  const [, rest = ''] = text.split(`action="${action}"`);
  const [form = ''] = rest.split('</form>');
  const fields = [...form.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
  if (fields.length === 0) throw new Error(`no form for ${action}`);
  return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, unescape(value)]));
};

/** Where a page sends the browser by itself. */
export const readDeparture = ({ text, status }: Page): string => {
  const [, url] = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(text) ?? [];
  if (url === undefined) throw new Error(`the page leads nowhere: ${status}`);
  return unescape(url);
};

/** Cookies by origin: stricter than browsers, for which all ports of a host are one. */
const createCookieJar = () => {
  const kept = new Map<string, Map<string, string>>();
  return {
    headerFor: ({ origin }: URL): string =>
      [...(kept.get(origin) ?? [])].map(([name, value]) => `${name}=${value}`).join('; '),
    keep: ({ origin }: URL, lines: readonly string[]): void => {
      const cookies = kept.get(origin) ?? new Map<string, string>();
      kept.set(origin, cookies);
      for (const line of lines) {
        const [pair = ''] = line.split(';');
        const [name = '', ...value] = pair.split('=');
        if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
        else cookies.set(name, value.join('='));
      }
    },
  };
};

/** @param caFile  authorities that it trusts, PEM */
export const startScreenlessBrowser = (caFile: string): ScreenlessBrowser => {
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile) } });
  const jar = createCookieJar();
  const ask = async (url: URL, accept: string, form?: Readonly<Record<string, string>>) => {
    const sent = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) };
    const source = form === undefined ? {} : { origin: url.origin, 'sec-fetch-site': 'same-origin' };
    const headers = { accept, cookie: jar.headerFor(url), ...source };
    const answer = await fetch(url, { ...sent, headers, dispatcher, redirect: 'manual' });
    jar.keep(url, answer.headers.getSetCookie());
    return { answer, body: Buffer.from(await answer.arrayBuffer()) };
  };
  return {
    open: async (start, form, accept = 'text/html') => {
      let url = new URL(start);
      let { answer, body } = await ask(url, accept, form);
      for (let count = 0; count < maxRedirections; count += 1) {
        const location = answer.headers.get('location');
        if (location === null) break;
        url = new URL(location, url);
        ({ answer, body } = await ask(url, accept));
      }
      return { url, status: answer.status, headers: answer.headers, body, text: body.toString('utf8') };
    },
    close: () => dispatcher.destroy(),
  };
};
