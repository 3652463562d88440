/**
 * Where a request that changes something comes from: a page of this very origin, as the browser itself says.
 *
 * A second wall beside the CSRF token. `Sec-Fetch-Site` is written by the browser and by nothing else; older browsers have
 * `Origin` alone. Under `Referrer-Policy: no-referrer` a form of our own page comes with `Origin: null`: it passes only where
 * `Sec-Fetch-Site` says `same-origin`. Pages with forms had better say `Referrer-Policy: same-origin`.
 *
 * @see W3C Fetch Metadata · WHATWG Fetch, "append a request Origin header" · RFC 6454
 */

export interface RequestSource {
  /** Header `Sec-Fetch-Site`; absent in old browsers. */
  readonly fetchSite?: string | undefined;
  /** Header `Origin`; `null` is a value of it. */
  readonly origin?: string | undefined;
}

/**
 * @param ownOrigin  of the page that was called: `https://vi1.example.fr`, with the port unless 443
 * @returns false too when the browser says nothing at all
 */
export const isOwnOrigin = ({ fetchSite, origin }: RequestSource, ownOrigin: string): boolean => {
  if (fetchSite !== undefined && fetchSite !== 'same-origin') return false;
  if (origin !== undefined && origin !== 'null') return origin === ownOrigin;
  return fetchSite === 'same-origin';
};
