/**
 * What the checks of the stand-in say about a request: each finding names the broken rule and how a DMP would answer.
 *
 * @see facts/identity.md 4.7 · IHE ITI TF-3 table 4.2.4.1-2 (error codes). Only the sub-code `DMPInvalidCertificate`, the status
 *      `DMPClosed` and the French sentences of facts/identity.md 4.3 are attested; the other `DMP…` sub-codes are ours.
 */

/** How the request is answered. HTTP comes before a SOAP Fault, which comes before a RegistryResponse. */
export type Refusal =
  | { readonly kind: 'http'; readonly status: number; readonly text: string }
  | { readonly kind: 'fault'; readonly subcode: string; readonly reason: string }
  | { readonly kind: 'registry'; readonly errorCode: string; readonly codeContext: string };

export interface Finding {
  /** Stable short name: `vihf/version`, `kos/patient`… */
  readonly rule: string;
  readonly refusal: Refusal;
}

/** What a DMP was seen to accept though no text allows it. */
export interface Tolerance {
  readonly rule: string;
  readonly text: string;
}

export class Findings {
  readonly refused: Finding[] = [];
  readonly tolerated: Tolerance[] = [];

  http(rule: string, status: number, text: string): void {
    this.refused.push({ rule, refusal: { kind: 'http', status, text } });
  }

  fault(rule: string, subcode: string, reason: string): void {
    this.refused.push({ rule, refusal: { kind: 'fault', subcode, reason } });
  }

  registry(rule: string, errorCode: string, codeContext: string): void {
    this.refused.push({ rule, refusal: { kind: 'registry', errorCode, codeContext } });
  }

  tolerate(rule: string, text: string): void {
    this.tolerated.push({ rule, text });
  }

  get isClean(): boolean {
    return this.refused.length === 0;
  }
}

/** Sub-codes of SOAP Faults. */
export const faultCodes = {
  invalidCertificate: 'DMPInvalidCertificate',
  invalidVihf: 'DMPInvalidVIHF',
  invalidRequest: 'DMPInvalidRequest',
  forbidden: 'DMPForbidden',
} as const;

/** Error codes of a RegistryResponse. */
export const registryCodes = {
  repositoryMetadata: 'XDSRepositoryMetadataError',
  registryMetadata: 'XDSRegistryMetadataError',
  repository: 'XDSRepositoryError',
  registry: 'XDSRegistryError',
  missingDocument: 'XDSMissingDocument',
  missingDocumentMetadata: 'XDSMissingDocumentMetadata',
  patientIdDoesNotMatch: 'XDSPatientIdDoesNotMatch',
  unknownPatientId: 'XDSUnknownPatientId',
  duplicateUniqueId: 'XDSDuplicateUniqueIdInRegistry',
  unresolvedReference: 'UnresolvedReferenceException',
  replaceFailed: 'XDSReplaceFailed',
  unknownStoredQuery: 'XDSUnknownStoredQuery',
  storedQueryParameter: 'XDSStoredQueryMissingParam',
  dmpClosed: 'DMPClosed',
} as const;
