/**
 * Options of the DMP. Values that no public text settles are options whose default is what the official samples do.
 *
 * @see decisions A1, A7, B8, C6 · facts/identity.md 4.3–4.5
 */
import { z } from 'zod';
import { isOid } from '../standards/index.ts';
import { structureKey } from './structure-key.ts';

const algorithm = z.enum(['rsa-sha1', 'rsa-sha256']);

const structureOptions = z.strictObject({
  id: z.string().min(1).describe('Struct_IdNat, FINESS or SIRET of the structure that signs and sends'),
  aliases: z
    .array(z.string().min(1))
    .default([])
    .describe('Other identifiers that reports use for it: geographic entities of the same legal entity'),
  name: z.string().min(1).describe('Name shown by the doctor command'),
  authCertificateFile: z.string().min(1).describe('ORG AUTH_CLI certificate, PEM; its authorities may follow it'),
  authKeyFile: z.string().min(1).describe('Its private key, PEM without passphrase'),
  signCertificateFile: z.string().min(1).describe('ORG SIGN certificate, PEM'),
  signKeyFile: z.string().min(1).describe('Its private key, PEM without passphrase'),
  sector: z
    .string()
    .regex(/^SA[0-9]{2}$/)
    .optional()
    .describe('Secteur_Activite when the report gives none, and for imported archives'),
  role: z
    .string()
    .regex(/^G15_[0-9A-Z]+(\/[0-9A-Z]+)?$/)
    .optional()
    .describe('Profession and speciality (G15_10/SM44) when the report gives none, and for imported archives'),
});

const vihfOptions = z.strictObject({
  version: z.string().default('3.0').describe('VIHF_Version; the HL7v2 implementation guide says 4.0'),
  modeAttribute: z
    .string()
    .default('Authentification_Mode')
    .describe('Name of the mode attribute; other official samples write Authentification_mode'),
  mode: z.string().default('INDIRECTE'),
  authnContextClass: z.string().default('urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient'),
  algorithm: algorithm.default('rsa-sha1'),
  nameSeparator: z.enum([', ', ',']).default(', ').describe('Between the parts of the issuer of the VIHF'),
  validitySeconds: z.int().min(30).max(86_400).optional().describe('Adds Conditions; the samples have none'),
});

const signatureOptions = z.strictObject({
  algorithm: algorithm.default('rsa-sha1'),
  xadesNamespace: z
    .enum(['http://uri.etsi.org/01903/v1.1.1#', 'http://uri.etsi.org/01903/v1.3.2#'])
    .default('http://uri.etsi.org/01903/v1.1.1#'),
  nameSeparator: z
    .enum([', ', ','])
    .default(', ')
    .describe('Between the parts of the name of the certificate’s issuer'),
});

const lpsOptions = z.strictObject({
  id: z.string().min(1).optional().describe('LPS_ID, optional'),
  name: z.string().min(1).default('Native DRIMbox for Orthanc').describe('LPS_Nom'),
  version: z.string().min(1).default('0.1').describe('LPS_Version, as homologated'),
  homologationNumber: z.string().min(1).describe('LPS_ID_HOMOLOGATION_DMP, given by the CNDA'),
});

const checkStructures = (
  structures: readonly z.output<typeof structureOptions>[],
  report: (message: string, index: number) => void,
): void => {
  const seen = new Map<string, number>();
  structures.forEach((structure, index) => {
    for (const key of new Set([structure.id, ...structure.aliases].map(structureKey))) {
      const other = seen.get(key);
      if (other !== undefined) report(`structures ${other + 1} and ${index + 1} share an identifier`, index);
      seen.set(key, index);
    }
  });
};

export const dmpOptions = z
  .strictObject({
    baseUrl: z
      .url({ protocol: /^https$/ })
      .describe('…/si-dmp-server/v2/services; /repository and /registry are added'),
    caFile: z.string().min(1).describe('Authorities of the DMP’s server, PEM; nothing else is trusted'),
    connectTimeoutMs: z.int().min(100).default(10_000),
    timeoutMs: z.int().min(100).default(60_000).describe('From the first byte sent to the last received'),
    maxAnswerBytes: z
      .int()
      .min(1024)
      .default(4 * 1024 * 1024),
    sourceId: z.string().refine(isOid, 'not an OID').describe('OID of this software at this site'),
    studyUidAuthority: z
      .string()
      .refine((oid) => oid === '' || isOid(oid), 'not an OID')
      .default('1.2.3.4.5.6')
      .describe('CX.4 of the study in referenceIdList, as every official sample has it; empty: none'),
    kosTransferEncoding: z
      .enum(['binary', 'base64'])
      .default('binary')
      .describe('Of the manifest’s part; the publication sample has base64, MTOM recommends binary'),
    vihf: vihfOptions.prefault({}),
    signature: signatureOptions.prefault({}),
    lps: lpsOptions,
    structures: z.array(structureOptions).min(1),
    secretConnection: z
      .strictObject({ attribute: z.string().min(1), value: z.string().min(1) })
      .optional()
      .describe('SAML attribute and value for CONNEXION_SECRETE; without it such reports are held'),
  })
  .superRefine((options, context) =>
    checkStructures(options.structures, (message, index) =>
      context.addIssue({ code: 'custom', message, path: ['structures', index] }),
    ),
  );

export type DmpOptions = z.output<typeof dmpOptions>;
export type DmpStructureOptions = DmpOptions['structures'][number];
