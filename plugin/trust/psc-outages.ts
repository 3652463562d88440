/** Tells once that Pro Santé Connect does not answer us, and once that it does again. */
import type { Alerts } from './alerts.ts';
import { type PscFailureCode, type PscUnavailable, pscFailureCodes } from './psc-failure.ts';

export class PscOutages {
  readonly #alerts: Alerts | undefined;
  /** Undefined until the first answer: an alert of before a restart may be open. */
  #state: PscFailureCode | 'answering' | undefined;

  constructor(alerts: Alerts | undefined) {
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
