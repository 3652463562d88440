/** What the doctor learns of the viewer behind the report's link. No token, no secret, no person. */
import type { CivilTrait } from '../sign-in/index.ts';
import type { PscQuestion, TrustFailure } from './trust-facts.ts';

/** The built viewer, compared with its own list of files. */
export type ViewerFilesFacts = { readonly folder: string } & (
  | { readonly kind: 'complete'; readonly files: number; readonly bytes: number }
  /** No folder, or no list in it. */
  | ({ readonly kind: 'absent' } & TrustFailure)
  /** Paths below the folder: not there, or of another size than when it was built. */
  | { readonly kind: 'incomplete'; readonly missing: readonly string[]; readonly changed: readonly string[] }
);

/** What the listener says when a browser asks for one of its names. */
export type ViewerAnswer =
  | {
      readonly kind: 'answering';
      /** Its own word on its state; undefined: none that is understood. */
      readonly isUp: boolean | undefined;
      /** It shows the certificate that is on disk. */
      readonly showsOurs: boolean;
      /** Why a browser would warn: the word of OpenSSL. Absent: the chain ends at an authority that Node.js knows. */
      readonly untrusted?: string;
    }
  /** No TLS connection: the word of the network or of TLS. */
  | { readonly kind: 'silent'; readonly detail: string };

/** One of `Viewer.Certificates`. */
export interface ViewerNameFacts {
  readonly name: string;
  readonly certificate:
    | { readonly kind: 'good'; readonly notBeforeUtcMs: number; readonly notAfterUtcMs: number }
    | ({ readonly kind: 'unusable' } & TrustFailure);
  readonly answer: ViewerAnswer;
}

export interface ViewerNamesFacts {
  /** Where the listener was asked: `127.0.0.1:8444`. */
  readonly place: string;
  readonly names: readonly ViewerNameFacts[];
  /** People come from outside: only an authority that browsers know will do. */
  readonly mustBePublic: boolean;
}

/** Something that a service announces without what we need. */
export interface Shortcoming {
  /** Member of the discovery document: `acr_values_supported`. */
  readonly member: string;
  /** What is not in it. */
  readonly wanted: readonly string[];
  /** Signing in fails without it; else something beside it does. */
  readonly isVital: boolean;
}

/** One of our clients there, shown by the exchange of an invented code. */
export interface SignInClientFacts {
  /** Names of the viewer whose visitors it is for. */
  readonly hosts: readonly string[];
  readonly exchange: PscQuestion | /** It gives tokens for an invented code. */ { readonly kind: 'believes-anything' };
}

export interface SignInFacts {
  /** As configured: pinned. */
  readonly issuer: string;
  readonly discovery: PscQuestion | { readonly kind: 'other-issuer'; readonly issuer: string };
  /** Empty while the document is not read. */
  readonly shortcomings: readonly Shortcoming[];
  readonly keys: PscQuestion;
  readonly clients: readonly SignInClientFacts[];
  /** Our clock minus the Date header; absent when there was none. */
  readonly clockDifferenceMs?: number;
}

/** Our encryption keys as FranceConnect+ would read them at one name. */
export interface PublishedKeysFacts {
  readonly host: string;
  readonly published:
    | { readonly kind: 'ours' }
    /** Other keys than those of the files. */
    | { readonly kind: 'others' }
    /** The private part of a key is there too. */
    | { readonly kind: 'private' }
    | { readonly kind: 'silent'; readonly detail: string };
}

export interface FranceConnectFacts extends SignInFacts {
  /** What the identity match needs and nobody asks for. */
  readonly lackingTraits: readonly CivilTrait[];
  /** Thumbprints of the keys that are published, by algorithm. */
  readonly ourKeys: readonly { readonly algorithm: string; readonly kid: string }[];
  readonly keysAt: readonly PublishedKeysFacts[];
}

/** Each looks now. They may throw a DrimboxError: files that cannot be read. A service that is not configured is absent. */
export interface ViewerLooks {
  files(): Promise<ViewerFilesFacts>;
  names(): Promise<ViewerNamesFacts>;
  readonly proSanteConnect?: () => Promise<SignInFacts>;
  readonly franceConnect?: () => Promise<FranceConnectFacts>;
}
