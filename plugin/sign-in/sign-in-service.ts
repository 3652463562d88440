/** What Pro Santé Connect and FranceConnect+ have in common for whoever sends a person there. */
import type { SignInAttempt } from './attempt.ts';
import type { BegunSignIn } from './code-flow.ts';
import type { ProviderUnavailable, SignInRefused } from './provider-failure.ts';
import type { LogoutOrder, LogoutRequest, ProviderSession } from './provider-session.ts';
import type { SignedIn } from './signed-in.ts';

export interface SignInPorts {
  /** Milliseconds UTC. */
  readonly clock: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** What came of a sign-in. `who` and `providerSession` name a person: into the sealed session and the audit only. */
export type SignedInResult<Who extends SignedIn = SignedIn> =
  | {
      readonly kind: 'signed-in';
      readonly who: Who;
      readonly providerSession: ProviderSession;
      /** The session at the service is over then, and ours with it; absent: the service does not say. */
      readonly notAfterUtcMs?: number;
    }
  | SignInRefused
  | ProviderUnavailable;

/** A service where people sign in. */
export interface SignInService<Who extends SignedIn = SignedIn> {
  /** @param redirectUri  registered there, of this listener; the answer must come to the same address */
  readonly begin: (nowUtcMs: number, redirectUri: string) => Promise<BegunSignIn | ProviderUnavailable>;
  /** @param attempt  what `begin` gave, taken from where it was kept: it serves once */
  readonly finish: (currentUrl: URL, attempt: SignInAttempt) => Promise<SignedInResult<Who>>;
  readonly buildLogout: (order: LogoutOrder) => Promise<LogoutRequest>;
  /** Reads secrets, certificates and keys again. @throws config/unreadable, config/invalid: the old ones stay */
  readonly reload: () => Promise<void>;
  readonly close: () => Promise<void>;
}
