/** How this site gives its images to other DRIMboxes (listener `db…`). */
import { z } from 'zod';
import { renditionTargets } from '../renditions/index.ts';
import { parseTransferSyntaxUid } from '../standards/index.ts';

/** Absolute, without query, dots or empty segments; `/` is the root. */
const isBasePath = (text: string): boolean =>
  text === '/' || (/^(\/[A-Za-z0-9._~-]+)+\/?$/.test(text) && !/\/\.{1,2}(\/|$)/.test(text));

const path = z.string().max(512).refine(isBasePath, 'must be a path: /…/…');
const seconds = (least: number, most: number) => z.int().min(least).max(most);

const certificateOptions = z.strictObject({
  name: z.string().min(1).max(253).describe('Host name that this certificate answers for: db1.mesimagesmedicales.fr'),
  certificateFile: z.string().min(1).describe('Certificate (PEM), its intermediate authorities after it'),
  keyFile: z.string().min(1).describe('Its private key (PEM)'),
});

const limitOptions = z.strictObject({
  requests: z
    .int()
    .min(1)
    .max(1_000)
    .default(32)
    .describe('Requests answered at the same time, all DRIMboxes together'),
  requestsPerPeer: z.int().min(1).max(1_000).default(8).describe('The same, of one DRIMbox'),
  waiting: z.int().min(0).max(10_000).default(128).describe('Requests that may wait for their turn; beyond: 503'),
  waitSeconds: seconds(0, 300).default(20).describe('Longest wait for a turn; then 503 with Retry-After'),
  idleSeconds: seconds(5, 3_600).default(60).describe('A peer that takes nothing for so long is left'),
  connections: z.int().min(1).max(100_000).default(512).describe('Open connections, idle ones too'),
});

const transcodingOptions = z.strictObject({
  threads: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe('Threads that make other transfer syntaxes; absent: one less than the machine has'),
  timeoutSeconds: seconds(1, 600).default(60).describe('Longest time for one image'),
  queueMegabytes: z.int().min(16).max(16_384).default(256).describe('Images that wait for a thread, in memory'),
});

const madeSyntax = z
  .string()
  .refine((uid) => renditionTargets.includes(uid), `must be one of ${renditionTargets.join(', ')}`)
  .transform(parseTransferSyntaxUid);

const fillAheadOptions = z.strictObject({
  transferSyntaxes: z
    .array(madeSyntax)
    .max(renditionTargets.length)
    .default([])
    .describe(
      'Transfer syntaxes (UIDs) in which the images of a study are made as soon as it is published, while no request is answered: those that other DRIMboxes name first. Each takes its own room. None: images are made when they are asked for',
    ),
  maxStudyMegabytes: z
    .number()
    .min(1)
    .max(1_000_000)
    .default(2_000)
    .describe('Renditions of one study, beyond which no more are made ahead'),
});

const cacheOptions = z
  .strictObject({
    maxGigabytes: z
      .number()
      .min(0)
      .max(100_000)
      .default(20)
      .describe('Images kept in other transfer syntaxes; 0: none'),
    minFreeGigabytes: z.number().min(0).max(100_000).default(5).describe('Left free on the disk'),
    folder: z.string().min(1).optional().describe('Absent: `renditions` in Store.Folder'),
    encrypted: z
      .boolean()
      .default(false)
      .describe('Encrypted with a key drawn at each start: a stolen disk tells nothing, a restart empties the cache'),
    fillAhead: fillAheadOptions.prefault({}).describe('What is made before anybody asks for it'),
  })
  .refine(({ maxGigabytes, fillAhead }) => maxGigabytes > 0 || fillAhead.transferSyntaxes.length === 0, {
    path: ['fillAhead', 'transferSyntaxes'],
    message: 'nothing can be made ahead where nothing is kept: MaxGigabytes is 0',
  });

/** Options of the room. */
export const wadoOptions = z.strictObject({
  host: z.string().min(1).default('0.0.0.0').describe('Address to listen on'),
  port: z.int().min(0).max(65_535).default(8443).describe('Port to listen on; 0: any free one'),
  basePaths: z
    .array(path)
    .max(20)
    .default([])
    .describe('Further paths under which studies are served, beside that of RetrieveUrlBase: those of older manifests'),
  certificates: z
    .array(certificateOptions)
    .min(1)
    .max(50)
    .describe('One for each host name (db…); the first answers for unknown names'),
  healthPaths: z
    .array(path)
    .max(20)
    .default(['/q/health', '/health', '/healthcheck'])
    .describe('Where the state of the service is told, to anybody; the path of RetrieveUrlBase tells it too'),
  limits: limitOptions.prefault({}).describe('How much at once'),
  transcoding: transcodingOptions.prefault({}).describe('Images in another transfer syntax than the stored one'),
  renditionCache: cacheOptions.prefault({}).describe('Where they are kept'),
});
export type WadoOptions = z.infer<typeof wadoOptions>;
