/** One line per request, without its content: when, what, how it ended. Also appended to `log.jsonl` in the folder. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** In whose name a request came, as its VIHF says. */
export interface LoggedSender {
  readonly structureId: string;
  /** NameID */
  readonly person: string;
  readonly roles: readonly string[];
  readonly sector: string;
  /** INS of the record that it is about. */
  readonly ins: string;
}

export interface LogLine {
  readonly atUtcMs: number;
  readonly durationMs: number;
  /** `provideAndRegister`, …; '' when it could not be told. */
  readonly transaction: string;
  readonly messageId: string;
  readonly outcome: 'accepted' | 'refused' | 'failed';
  /** Absent when there was no VIHF to read. */
  readonly sender?: LoggedSender;
  /** Status of the answer; 0 when none was sent. */
  readonly httpStatus: number;
  /** Rules that refused it. */
  readonly rules: readonly string[];
  /** Rules that were bent for it. */
  readonly tolerated: readonly string[];
  /** The ordered failure it met. */
  readonly fault?: string;
  /** Words for a person reading the log: error codes and contexts, or the TLS refusal. */
  readonly text?: string;
}

export class RequestLog {
  readonly #file: string;
  #lines: LogLine[] = [];

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, 'log.jsonl');
  }

  add(line: LogLine): void {
    this.#lines.push(line);
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  clear(): void {
    this.#lines = [];
  }
}
