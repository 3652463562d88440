/** The `DrimBox` section as a whole: each room brings the schema of its own part. */
import { z } from 'zod';
import { dmpOptions } from '../dmp/index.ts';
import { hl7Options } from '../hl7/index.ts';
import { kosOptions } from '../kos/index.ts';
import { auditOptions } from '../audit/index.ts';
import { alertsOptions } from '../notification/index.ts';
import { orthancOptions } from '../orthanc/index.ts';
import { publicationOptions } from '../publication/index.ts';
import { trustOptions } from '../trust/index.ts';
import { signInOptions } from '../sign-in/index.ts';
import { viewerAccessOptions, viewerImagesOptions } from '../viewer-access/index.ts';
import { wadoOptions } from '../wado/index.ts';
import { logOptions } from './sections/log.ts';
import { siteOptions, softwareOptions } from './sections/site.ts';
import { storeOptions } from './sections/store.ts';

export const configurationSchema = z.strictObject({
  ...siteOptions,
  software: softwareOptions.describe('How this software names itself'),
  store: storeOptions.describe('Where the archive is kept'),
  orthanc: orthancOptions.describe('The PACS'),
  hl7: hl7Options.describe('Reports from the RIS'),
  dmp: dmpOptions.describe('The national record, and the structures that publish in it'),
  // The zone and the manufacturer of manifests are those of the site and of the software.
  kos: kosOptions.pick({ writeNonStandardEvidence: true }).describe('Manifests'),
  publication: publicationOptions.describe('When manifests are built and sent'),
  wado: wadoOptions.optional().describe('Images for other DRIMboxes; absent: none are given'),
  viewer: viewerAccessOptions
    .extend({ images: viewerImagesOptions.prefault({}).describe('How the viewer gets its images') })
    .optional()
    .describe('The viewer behind the report’s link; absent: none. Goes with SignIn and Wado'),
  signIn: signInOptions.optional().describe('How professionals and patients sign in to the viewer'),
  trust: trustOptions.optional().describe('Whom images are given to; goes with Wado'),
  audit: auditOptions.prefault({}).describe('Who asked for images, and what became of it'),
  alerts: alertsOptions.describe('Who is told when something needs a person'),
  log: logOptions.describe('What the service writes on its standard output'),
});

/** Every option with its default filled in. */
export type ConfigurationOptions = z.infer<typeof configurationSchema>;
