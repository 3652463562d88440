/** What a test authority is made of, and the invented structures it certifies unless others are asked. */
import type { Credential } from './openssl-authority.ts';

/** A structure that wants certificates. */
export interface StructureOrder {
  /** Struct_IdNat, the OU of its certificates: `1` + FINESS, `3` + SIRET… */
  readonly id: string;
  /** O of its certificates. */
  readonly name: string;
  /** CN [`drimbox.exemple`]. */
  readonly commonName?: string;
  /** ST [`Paris (75)`]. */
  readonly place?: string;
}

export interface StructureCredentials {
  /** TLS client. */
  readonly authCli: Credential;
  /** VIHF and document signature. */
  readonly sign: Credential;
  /** TLS server for localhost and 127.0.0.1; the certificate file also holds the intermediate. */
  readonly ssl: Credential;
}

export interface TestCa {
  readonly folder: string;
  readonly rootCertificateFile: string;
  readonly intermediateCertificateFile: string;
  /** Intermediate then root. */
  readonly chainFile: string;
  /** Revocation lists of the intermediate and of the root in one PEM file. */
  readonly crlFile: string;
  /** By Struct_IdNat. */
  readonly structures: Readonly<Record<string, StructureCredentials>>;
  /** TLS server of a national service (DMP stand-in) on localhost and 127.0.0.1. */
  readonly server: Credential;
  /** What must be refused. All but `otherStructureSign` name the first structure. */
  readonly negative: {
    /** Another authority with the same names. */
    readonly rogueRootCertificateFile: string;
    readonly rogueAuthCli: Credential;
    readonly rogueSign: Credential;
    readonly expiredAuthCli: Credential;
    readonly expiredSign: Credential;
    readonly revokedAuthCli: Credential;
    readonly revokedSign: Credential;
    /** An AUTH_CLI without OU, like a person's. */
    readonly noOuAuthCli: Credential;
    readonly otherStructureSign: Credential;
  };
}

/** Invented: their FINESS numbers do not exist. */
export const exampleStructures = [
  { id: '1990000001', name: 'CLINIQUE EXEMPLE' },
  { id: '1990000002', name: 'CABINET EXEMPLE', commonName: 'cabinet.exemple', place: "Côte-d'Or (21)" },
] as const satisfies readonly StructureOrder[];
