/**
 * Refusals that all take the same time: how long the archive was read must not tell what it found.
 *
 * A refusal leaves at the next whole multiple of the step after its beginning: the same for all that take less than one.
 */
export interface UniformTime {
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly stepMs: number;
}

export const waitUniformly = async ({ monotonic, wait, stepMs }: UniformTime, startedAtMs: number): Promise<void> => {
  const takenMs = Math.max(0, monotonic() - startedAtMs);
  const untilMs = Math.max(1, Math.ceil(takenMs / stepMs)) * stepMs;
  await wait(untilMs - takenMs);
};
