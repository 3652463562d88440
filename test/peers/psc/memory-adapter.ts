/** Where oidc-provider keeps sessions, grants and tokens: one memory per realm; its own is one for the whole process. */

interface Payload {
  readonly uid?: string;
  readonly userCode?: string;
  readonly grantId?: string;
  readonly [name: string]: unknown;
}

interface Kept {
  payload: Payload;
  readonly untilUtcMs: number;
}

export type RealmMemory = Map<string, Kept>;

/** The interface that the documentation of oidc-provider asks of an adapter. */
class MemoryAdapter {
  readonly #model: string;
  readonly #memory: RealmMemory;

  constructor(model: string, memory: RealmMemory) {
    this.#model = model;
    this.#memory = memory;
  }

  upsert(id: string, payload: Payload, expiresInSeconds?: number): Promise<void> {
    const untilUtcMs = expiresInSeconds === undefined ? Infinity : Date.now() + expiresInSeconds * 1000;
    this.#memory.set(`${this.#model}:${id}`, { payload, untilUtcMs });
    return Promise.resolve();
  }

  find(id: string): Promise<Payload | undefined> {
    const key = `${this.#model}:${id}`;
    const kept = this.#memory.get(key);
    if (kept !== undefined && kept.untilUtcMs <= Date.now()) this.#memory.delete(key);
    return Promise.resolve(kept === undefined || kept.untilUtcMs <= Date.now() ? undefined : kept.payload);
  }

  findByUid(uid: string): Promise<Payload | undefined> {
    return this.#findWhere((payload) => payload.uid === uid);
  }

  findByUserCode(userCode: string): Promise<Payload | undefined> {
    return this.#findWhere((payload) => payload.userCode === userCode);
  }

  async consume(id: string): Promise<void> {
    const kept = this.#memory.get(`${this.#model}:${id}`);
    if (kept !== undefined) kept.payload = { ...kept.payload, consumed: Math.floor(Date.now() / 1000) };
    await Promise.resolve();
  }

  destroy(id: string): Promise<void> {
    this.#memory.delete(`${this.#model}:${id}`);
    return Promise.resolve();
  }

  revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, { payload }] of this.#memory) if (payload.grantId === grantId) this.#memory.delete(key);
    return Promise.resolve();
  }

  #findWhere(isWanted: (payload: Payload) => boolean): Promise<Payload | undefined> {
    for (const [key, { payload, untilUtcMs }] of this.#memory) {
      if (key.startsWith(`${this.#model}:`) && untilUtcMs > Date.now() && isWanted(payload)) {
        return Promise.resolve(payload);
      }
    }
    return Promise.resolve(undefined);
  }
}

export const createMemoryAdapter = (): ((model: string) => MemoryAdapter) => {
  const memory: RealmMemory = new Map();
  return (model) => new MemoryAdapter(model, memory);
};
