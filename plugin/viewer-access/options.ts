/** How patients and professionals come to the images behind a report's link (listener `vi…`). */
import { join } from 'node:path';
import { z } from 'zod';

const seconds = (least: number, most: number) => z.int().min(least).max(most);
const file = z.string().min(1);
const hostName = z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/, 'a host name in lower case, without port');

/** Absolute, without query, dots or empty segments. */
const path = z
  .string()
  .max(512)
  .regex(/^(\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$/, 'must be a path: /…/…');

const certificateOptions = z.strictObject({
  name: hostName.describe('Host name that this certificate answers for: vi1.mesimagesmedicales.fr'),
  certificateFile: file.describe('Certificate (PEM), its intermediate authorities after it'),
  keyFile: file.describe('Its private key (PEM)'),
});

const throttleOptions = z.strictObject({
  requestsPerMinute: z
    .int()
    .min(5)
    .max(100_000)
    .default(300)
    .describe('Pages and forms before the images, of one address: a whole hospital may be behind one'),
  refusalsPerHour: z.int().min(1).max(10_000).default(30).describe('Refusals of one link before it is left alone'),
  remembered: z.int().min(100).max(1_000_000).default(20_000).describe('Addresses and links counted at a time'),
  refusalMs: z
    .int()
    .min(50)
    .max(10_000)
    .default(500)
    .describe('Every refusal of a link takes this long, or a multiple'),
});

const limitOptions = z.strictObject({
  connections: z.int().min(1).max(100_000).default(1_024).describe('Open connections, idle ones too'),
  streams: z.int().min(4).max(1_000).default(128).describe('Requests under way on one connection (HTTP/2)'),
  idleSeconds: seconds(5, 3_600).default(60).describe('A browser that takes nothing for so long is left'),
});

const buttonOptions = z.strictObject({
  franceConnectPlusFile: file.optional().describe('Official button of FranceConnect+ (SVG, PNG); absent: drawn in CSS'),
  proSanteConnectFile: file
    .optional()
    .describe('Official button of Pro Santé Connect (SVG, PNG); absent: drawn in CSS'),
});

/** Where the built viewer is, unless `staticFolder` says so. */
export const builtViewerFolder: string = join(import.meta.dirname, '../../viewer/dist');

/** Options of the room. */
export const viewerAccessOptions = z.strictObject({
  host: z.string().min(1).default('0.0.0.0').describe('Address to listen on'),
  port: z.int().min(0).max(65_535).default(8444).describe('Port to listen on; 0: any free one'),
  certificates: z
    .array(certificateOptions)
    .min(1)
    .max(50)
    .describe('One for each host name (vi…); requests for other names are refused'),
  siteName: z.string().min(1).max(120).default('Images médicales').describe('Name of the site, on every page'),
  linkPath: path.default('/IHEInvokeImageDisplay').describe('Path of the links printed in reports'),
  healthPaths: z
    .array(path)
    .max(20)
    .default(['/q/health'])
    .describe('Where the state of the service is told, to anybody'),
  http2: z
    .boolean()
    .default(true)
    .describe('HTTP/2 beside HTTP/1.1; off only where something between cannot pass it on'),
  staticFolder: file.optional().describe('Built viewer; absent: viewer/dist beside the plugin'),
  buttons: buttonOptions.prefault({}).describe('Official drawings of the two sign-in buttons'),
  throttle: throttleOptions.prefault({}).describe('Against machines that try links'),
  limits: limitOptions.prefault({}).describe('How much at once'),
});
export type ViewerAccessOptions = z.infer<typeof viewerAccessOptions>;
