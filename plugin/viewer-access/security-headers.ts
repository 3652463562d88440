/**
 * The headers that keep a page to itself: what it may load, who may embed it, what it may ask of the browser.
 *
 * One table of two rows. `page`: ours, without any script. `viewer`: the shell and OHIF, which need WebAssembly, workers
 * from blobs, and styles written by scripts; shared memory (MPR) needs both pages isolated (COOP, COEP) and everything they
 * load from the same origin (CORP). Scripts are never inline and never evaluated.
 *
 * @see CSP Level 3 · WHATWG HTML, cross-origin isolation · OWASP Secure Headers · ANSSI, sites web
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

export const HeaderSet = { page: 'page', viewer: 'viewer' } as const;
export type HeaderSet = (typeof HeaderSet)[keyof typeof HeaderSet];

const self = "'self'";
const none = "'none'";

/** For both: nothing from elsewhere, nothing embedded elsewhere, no form to elsewhere. */
const closedDirectives = {
  defaultSrc: [none],
  baseUri: [none],
  formAction: [self],
  frameAncestors: [self],
};

const directives = {
  page: { ...closedDirectives, scriptSrc: [none], styleSrc: [self], imgSrc: [self, 'data:'] },
  viewer: {
    ...closedDirectives,
    scriptSrc: [self, "'wasm-unsafe-eval'"],
    scriptSrcAttr: [none],
    workerSrc: [self, 'blob:'],
    // OHIF's components write style attributes; a style cannot send anything anywhere under this policy.
    styleSrc: [self, "'unsafe-inline'"],
    imgSrc: [self, 'data:', 'blob:'],
    fontSrc: [self, 'data:'],
    connectSrc: [self, 'blob:', 'data:'],
    mediaSrc: [self, 'blob:'],
    // PDF reports are shown by the browser itself.
    objectSrc: [self, 'blob:'],
    frameSrc: [self, 'blob:'],
    manifestSrc: [self],
  },
} as const satisfies Record<HeaderSet, object>;

/** What no page of ours asks for; `fullscreen` is a button of the viewer. */
const deniedFeatures = [
  ...['accelerometer', 'autoplay', 'browsing-topics', 'camera', 'display-capture', 'encrypted-media'],
  ...['geolocation', 'gyroscope', 'hid', 'idle-detection', 'magnetometer', 'microphone', 'midi', 'payment'],
  ...['picture-in-picture', 'publickey-credentials-get', 'screen-wake-lock', 'serial', 'usb'],
  'xr-spatial-tracking',
];
const permissionsPolicy = [...deniedFeatures.map((name) => `${name}=()`), 'fullscreen=(self)'].join(', ');

/** Two years. */
const hstsSeconds = 63_072_000;

/**
 * A form under `no-referrer` comes with `Origin: null`, which says nothing in a browser that has no `Sec-Fetch-Site`: pages with
 * forms tell their own origin, and nobody else.
 */
const referrerPolicies = { page: 'same-origin', viewer: 'no-referrer' } as const;

export type AddHeaders = (request: IncomingMessage, response: ServerResponse, set: HeaderSet) => void;

const createHelmet = (set: HeaderSet) =>
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: directives[set] },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: { policy: 'require-corp' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    originAgentCluster: true,
    referrerPolicy: { policy: referrerPolicies[set] },
    strictTransportSecurity: { maxAge: hstsSeconds, includeSubDomains: false },
    xContentTypeOptions: true,
    xDnsPrefetchControl: { allow: false },
    xDownloadOptions: false,
    xFrameOptions: { action: 'sameorigin' },
    xPermittedCrossDomainPolicies: { permittedPolicies: 'none' },
    xPoweredBy: false,
    xXssProtection: true,
  });

/** Headers may be set again: those of a later set replace those of a former one. */
export const createSecurityHeaders = (): AddHeaders => {
  const helmets = { page: createHelmet('page'), viewer: createHelmet('viewer') };
  return (request, response, set) => {
    helmets[set](request, response, () => undefined);
    response.setHeader('Permissions-Policy', permissionsPolicy);
    response.setHeader('Cache-Control', 'no-store');
  };
};
