/**
 * Every address that the viewer's listener answers, taken from the product's own tables: a route that is added there is asked
 * here too, or is missed by name.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createEntryRoutes } from '../../plugin/viewer-access/entry-routes.ts';
import { createExaminationRoutes } from '../../plugin/viewer-access/examination-routes.ts';
import { parseImageResource } from '../../plugin/viewer-access/dicomweb/image-resource.ts';
import { createRouting } from '../../plugin/viewer-access/routing.ts';
import { createSecurityHeaders } from '../../plugin/viewer-access/security-headers.ts';

/** Enough to build the tables; nothing is answered. */
const context = { examination: {} } as never;
export const linkPath = '/IHEInvokeImageDisplay';

/** `GET /path`, in the notation of express, of everything that has a route of its own. */
export const findRegisteredRoutes = (): readonly string[] => {
  const { router } = createRouting({
    context,
    routes: [...createEntryRoutes(context, linkPath), ...createExaminationRoutes(context, linkPath)],
    addHeaders: createSecurityHeaders(),
    hosts: () => [],
    healthPaths: ['/q/health'],
    status: () => Promise.resolve({ status: 'UP' }),
    viewerFiles: new Map(),
    pageFiles: new Map(),
  });
  const found = router.stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : route.stack.map(({ method }) => `${(method ?? 'any').toUpperCase()} ${String(route.path)}`),
  );
  return [...new Set(found)].toSorted();
};

/** Which study, series and object an address names. */
export interface Uids {
  readonly study: string;
  readonly series: string;
  readonly instance: string;
}

const uidOf = { study: '1.2.3', series: '1.2.3.4', instance: '1.2.3.4.5' } as const;

/** All words that the parser of paths compares with. */
const words = ((): readonly string[] => {
  const file = resolve(import.meta.dirname, '../../plugin/viewer-access/dicomweb/image-resource.ts');
  const literals = readFileSync(file, 'utf8').matchAll(/'([a-z][a-z-]*)'/g);
  return [...new Set([...literals].map(([, word = '']) => word))];
})();

const placeholders = ['{study}', '{series}', '{instance}'];

/**
 * Shapes of all resources of DICOMweb: every sequence of the parser's own words, of UIDs and of numbers that it takes.
 * A path that names nothing is followed one step further, for `frames` and `bulkdata` name nothing alone.
 */
export const findResourceShapes = (): readonly string[] => {
  const found: string[] = [];
  const fill = (shape: string): string =>
    shape.replace('{study}', uidOf.study).replace('{series}', uidOf.series).replace('{instance}', uidOf.instance);
  const follow = (shape: string, nothingSince: number): void => {
    const isResource = parseImageResource(fill(shape)) !== undefined;
    if (isResource) found.push(shape);
    const since = isResource ? 0 : nothingSince + 1;
    const steps = shape.split('/').length - 1;
    if (since > 1 || steps > 8) return;
    const uid = placeholders[placeholders.filter((one) => shape.includes(one)).length];
    const next = [...words, '1', '7FE00010', ...(uid === undefined ? [] : [uid])];
    for (const step of next) follow(`${shape}/${step}`, since);
  };
  for (const word of words) follow(`/${word}`, 0);
  return found.toSorted();
};

export const fillShape = (shape: string, { study, series, instance }: Uids): string =>
  shape.replace('{study}', study).replace('{series}', series).replace('{instance}', instance);

const shapes = findResourceShapes();

/** Route of the product → what is asked of it, behind `/examen/{grant}`. */
export const examinationRows: Readonly<Record<string, (uids: Uids) => readonly string[]>> = {
  'GET /examen/:grant': () => [''],
  'GET /examen/:grant/description': () => ['/description'],
  'GET /examen/:grant/etat': () => ['/etat', '/etat?utilise=1'],
  'GET /examen/:grant/dicomweb/*path': (uids) => shapes.map((shape) => `/dicomweb${fillShape(shape, uids)}`),
  'GET /examen/:grant/apercu/:series': ({ series }) => ['/apercu/1.jpg', `/apercu/${series}.jpg`],
  'GET /examen/:grant/images.zip': ({ series }) => ['/images.zip', `/images.zip?serie=${series}`],
};

/** Routes outside an examination: what becomes of them is asked link by link, and header by header. */
export const entryRows: Readonly<Record<string, string>> = {
  [`GET ${linkPath}`]: linkPath,
  'POST /connexion/psc': '/connexion/psc',
  'POST /connexion/franceconnect': '/connexion/franceconnect',
  'GET /connexion/psc/retour': '/connexion/psc/retour?code=invented&state=invented',
  'GET /connexion/franceconnect/retour': '/connexion/franceconnect/retour?code=invented&state=invented',
  'POST /connexion/psc/fin': '/connexion/psc/fin',
  'GET /connexion/franceconnect/jwks': '/connexion/franceconnect/jwks',
  'POST /acces': '/acces',
  'POST /situation': '/situation',
  'POST /deconnexion': '/deconnexion',
  'GET /deconnexion': '/deconnexion',
  'GET /session-terminee': '/session-terminee',
  'GET /visionneuse/*path': '/visionneuse/examen.html',
  'GET /pages/*path': '/pages/style.css',
};
