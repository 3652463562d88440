/** What the site is: its environment, its clock, its names. */
import { z } from 'zod';
import { isOid } from '../../standards/index.ts';

export const isTimeZone = (name: string): boolean => {
  try {
    // Offsets such as "+01:00" are zones for Intl but have no summer time.
    return (
      /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
    );
  } catch {
    return false;
  }
};

/** A UID under a root ends with up to 39 digits and a dot, in at most 64 characters (PS3.5 §9.1). */
const maxRootLength = 24;

export const siteOptions = {
  environment: z
    .enum(['test', 'production'])
    .describe(
      'Which patients may come in: in `production`, test messages and test INS are refused; in `test`, production ones',
    ),
  siteTimeZone: z
    .string()
    .refine(isTimeZone, 'is not a known IANA time zone (Europe/Paris, Indian/Reunion, America/Martinique…)')
    .default('Europe/Paris')
    .describe('IANA time zone in which the PACS writes its dates'),
  uidRoot: z
    .string()
    .refine(isOid, 'is not an OID')
    .max(maxRootLength)
    .default('2.25')
    .describe(
      'OID under which UIDs of manifests and submissions are made; `2.25` needs no registration (UUID-derived)',
    ),
  retrieveUrlBase: z
    .url({ protocol: /^https?$/, error: 'must be a URL: https://…' })
    .describe(
      'Public base of this DRIMbox, written in every manifest: other DRIMboxes read the images under it. It must outlive migrations',
    ),
  allowInsecureRetrieveUrl: z
    .boolean()
    .default(false)
    .describe('INSECURE: accept `http://` in RetrieveUrlBase. For tests on one machine only'),
} as const;

export const softwareOptions = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(64)
    .default('DRIMbox Orthanc')
    .describe('Name of the software in manifests and submissions'),
  manufacturer: z.string().min(1).max(64).default('DRIMbox Orthanc').describe('Manufacturer (0008,0070) of manifests'),
  version: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Version in manifests and submissions; absent: that of this release'),
});
