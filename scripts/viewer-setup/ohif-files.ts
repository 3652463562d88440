/** Which of OHIF's published files a browser may ever ask for; all others stay in .cache. */

/** Folders and files of `dist/` that nothing here loads. */
const leftOut: readonly { readonly pattern: RegExp; readonly what: string }[] = [
  {
    pattern: /^(ort|dicom-microscopy-viewer|customizations)\//,
    what: 'machine learning, microscope, examples of settings',
  },
  { pattern: /\.map$/, what: 'source maps' },
  { pattern: /^assets\/(?!images\/)/, what: 'icons of a program to install' },
  {
    pattern: /^(google|init-service-worker|sw|app-config|oidc-client\.min|es6-shim\.min|polyfill\.min)\.js$/,
    what: 'set-up of other sites',
  },
  { pattern: /^(index|silent-refresh)\.html$|\.json$|^_(headers|redirects)$|^ohif-logo/, what: 'its own pages' },
  { pattern: /^(1180|1483|4556|4683|5696|9290|9437|8492)\.bundle\./, what: 'modes other than the basic one' },
  { pattern: /^((7964|polySeg)\.bundle\.|5130ccb17e3f3f5b\.wasm)/, what: 'surfaces of segmentations (6 MB)' },
  {
    pattern: /^(2779|5731|8423|8832|7499|3760|5406|1602)\.bundle\./,
    what: 'extensions: pleura, microscope, test, tumour volume, tracking, 4D',
  },
  { pattern: /^(8423|8492|8832|976|3760|1602)\.css$/, what: 'their style sheets' },
];

/** @param path  below `dist/`, with `/` */
export const isServed = (path: string): boolean => !leftOut.some(({ pattern }) => pattern.test(path));

/** Our own files beside OHIF's, of `viewer/ohif`, served as they are; `viewer.html` is filled in first. */
export const ownFiles: readonly string[] = [
  'boot.js',
  'shown-series.js',
  'french.js',
  'french-measures.js',
  'app-config.js',
  'accessible-names.js',
  'viewer.css',
];

/**
 * What else is asked for before the first images of nearly every examination, once the first files have run: worth fetching
 * while a person signs in, with the codec of the images that this service compresses (JPEG-LS).
 */
const soonAfter: readonly RegExp[] = [
  /^(2623|3552|341|100|8097|6214)\.(bundle\..*\.js|css)$/,
  /^histogram-worker\.bundle\..*\.js$/,
  /^app\.bundle\.css$/,
  /^viewer\.html$/,
  /^[0-9a-f]{16}\.woff2$/,
  /^776f756dd939124e\.wasm$/,
];

/** Patterns that name no file of this release: it has other chunks, and the lists are to be found anew. */
export const findUnfitting = (names: readonly string[]): readonly RegExp[] =>
  soonAfter.filter((pattern) => !names.some((name) => pattern.test(name)));

/** @param name  of a file in the folder of OHIF */
export const isWorthFetchingAhead = (name: string): boolean =>
  isNeededFirst(name) || ownFiles.includes(name) || soonAfter.some((pattern) => pattern.test(name));

/**
 * What a browser runs before the first image of any examination: these are asked for at once, and may be fetched while a
 * person signs in. Found by watching what it asks for (3.13.2).
 */
export const isNeededFirst = (name: string): boolean =>
  /^(app|1673|6938|6489|6495|8478|89|6749)\.bundle\.[^/]*\.js$/.test(name);
