/** Tells once that Pro Santé Connect does not answer us, and once that it does again. */
import type { ErrorCode } from '../errors.ts';
import { type PscFailureCode, type PscUnavailable, pscFailureCodes } from './psc-failure.ts';

/** Alerts of an administrator; `detail` holds no identity. */
export interface PscAlerts {
  raise(code: ErrorCode, detail: string): void;
  clear(code: ErrorCode): void;
}

export class PscOutages {
  readonly #alerts: PscAlerts | undefined;
  /** Undefined until the first answer: an alert of before a restart may be open. */
  #state: PscFailureCode | 'answering' | undefined;

  constructor(alerts: PscAlerts | undefined) {
    this.#alerts = alerts;
  }

  met({ code, detail }: PscUnavailable): void {
    if (this.#state === code) return;
    this.#clearBut(code);
    this.#state = code;
    this.#alerts?.raise(code, detail);
  }

  over(): void {
    if (this.#state === 'answering') return;
    this.#clearBut(undefined);
    this.#state = 'answering';
  }

  #clearBut(kept: PscFailureCode | undefined): void {
    for (const code of pscFailureCodes) if (code !== kept) this.#alerts?.clear(code);
  }
}
