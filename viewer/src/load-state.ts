/** Asks whether the session lives and what is still open: a light question, once a minute. */
import { parseRefusal, type Refusal } from './description.ts';

/** Times by the clock of this browser. */
export interface PageState {
  /** When the session ends, if nothing more is done. */
  readonly idleEndsAtMs: number;
  /** Study Instance UIDs that are open to this person. */
  readonly studies: readonly string[];
  readonly formToken: string;
}

export type StateAnswer =
  | { readonly kind: 'alive'; readonly state: PageState }
  | { readonly kind: 'ended' | 'refused'; readonly refusal: Refusal }
  /** The line, or a server that cannot tell now. */
  | { readonly kind: 'unknown' };

/** How far the clock of this browser is ahead of the server's: many are minutes wrong, some hours. */
export const readSkewMs = (answer: Response): number => {
  const serverMs = Date.parse(answer.headers.get('date') ?? '');
  return Number.isNaN(serverMs) ? 0 : Date.now() - serverMs;
};

/** Too many at once, or a fault that passes: no answer to the question. */
export const isPassing = (status: number): boolean => status === 429 || status >= 500;

const readState = (body: unknown, skewMs: number): PageState | undefined => {
  const { idleEndsAtUtcMs, studies, formToken } = (body ?? {}) as Record<string, unknown>;
  if (typeof idleEndsAtUtcMs !== 'number' || typeof formToken !== 'string' || !Array.isArray(studies)) return undefined;
  return { idleEndsAtMs: idleEndsAtUtcMs + skewMs, studies: studies.map(String), formToken };
};

export interface StateQuestion {
  /** `/examen/{grant}` */
  readonly pagePath: string;
  /** Somebody uses the page: the session is prolonged. */
  readonly isUsed: boolean;
  readonly timeoutMs: number;
}

export const loadState = async ({ pagePath, isUsed, timeoutMs }: StateQuestion): Promise<StateAnswer> => {
  try {
    const answer = await fetch(`${pagePath}/etat${isUsed ? '?utilise=1' : ''}`, {
      headers: { accept: 'application/json' },
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body: unknown = await answer.json().catch(() => undefined);
    if (isPassing(answer.status)) return { kind: 'unknown' };
    if (!answer.ok) return { kind: answer.status === 401 ? 'ended' : 'refused', refusal: parseRefusal(body) };
    const state = readState(body, readSkewMs(answer));
    return state === undefined ? { kind: 'unknown' } : { kind: 'alive', state };
  } catch {
    return { kind: 'unknown' };
  }
};
