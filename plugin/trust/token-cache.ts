/**
 * A bounded memory of what is known of tokens, by the hash of the token: the token itself is never kept.
 *
 * Entries die at their time and when a clock went backwards; the least recently used goes when it is full.
 */
interface Entry<Value> {
  readonly value: Value;
  readonly keptAtUtcMs: number;
  readonly untilUtcMs: number;
}

export class TokenCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #maxEntries: number;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(hash: string, nowUtcMs: number): Value | undefined {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return undefined;
    this.#entries.delete(hash);
    if (nowUtcMs < entry.keptAtUtcMs || nowUtcMs >= entry.untilUtcMs) return undefined;
    // The order of a Map is that of insertion: the one just used goes to the end.
    this.#entries.set(hash, entry);
    return entry.value;
  }

  /** @param untilUtcMs  not kept at all when this is past */
  set(hash: string, value: Value, nowUtcMs: number, untilUtcMs: number): void {
    this.#entries.delete(hash);
    if (untilUtcMs <= nowUtcMs) return;
    this.#entries.set(hash, { value, keptAtUtcMs: nowUtcMs, untilUtcMs });
    if (this.#entries.size <= this.#maxEntries) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
