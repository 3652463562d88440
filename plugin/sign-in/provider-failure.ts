/** Why a person is not let in by Pro Santé Connect or FranceConnect+: two kinds of values, no identity in either. */
import type { ErrorCode } from '../errors.ts';
import { classifyPscFailure, classifyStatus, type PscFailureCode, type PscUnavailable } from '../trust/index.ts';

export type ProviderFailureCode = Extract<ErrorCode, `sign-in/provider-${string}`>;

/** The service could not be asked, or its answer is none: nobody is let in. */
export interface ProviderUnavailable {
  readonly kind: 'unavailable';
  readonly code: ProviderFailureCode;
  /** Words of the network, of TLS or of HTTP, or of this room; nothing of what was answered. */
  readonly detail: string;
}

/** What a sign-in may be refused for. */
export type SignInRefusalCode = Extract<
  ErrorCode,
  | 'sign-in/given-up'
  | 'sign-in/attempt-expired'
  | 'sign-in/state-mismatch'
  | 'sign-in/issuer-mismatch'
  | 'sign-in/code-refused'
  | `sign-in/token-${string}`
  | 'sign-in/level-too-low'
  | 'sign-in/subject-mismatch'
  | 'sign-in/identity-incomplete'
>;

/** The answer is not one to let a person in by. */
export interface SignInRefused {
  readonly kind: 'refused';
  readonly code: SignInRefusalCode;
  /** English, of this room's own words. */
  readonly detail: string;
}

export const refuse = (code: SignInRefusalCode, detail: string): SignInRefused => ({ kind: 'refused', code, detail });

export const unavailable = (code: ProviderFailureCode, detail: string): ProviderUnavailable => ({
  kind: 'unavailable',
  code,
  detail,
});

/** The room of trust tells the same failures of the same network by its own codes. */
const codeOf = (code: PscFailureCode): ProviderFailureCode => {
  switch (code) {
    case 'trust/psc-timeout':
      return 'sign-in/provider-timeout';
    case 'trust/psc-answer-invalid':
      return 'sign-in/provider-answer-invalid';
    case 'trust/psc-tls-refused':
      return 'sign-in/provider-tls-refused';
    case 'trust/psc-refused-us':
      return 'sign-in/provider-refused-us';
    case 'trust/psc-unreachable':
      return 'sign-in/provider-unreachable';
  }
};

export const asProviderUnavailable = ({ code, detail }: PscUnavailable): ProviderUnavailable =>
  unavailable(codeOf(code), detail);

/** @param failure  anything that fetch or the OpenID client threw; nothing of it is kept */
export const classifyFailure = (failure: unknown): ProviderUnavailable =>
  asProviderUnavailable(classifyPscFailure(failure));

export const classifyAnswer = (status: number): ProviderUnavailable => asProviderUnavailable(classifyStatus(status));
