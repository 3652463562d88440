/** Asks for the description of what the link opened. */
import { isPassing, readSkewMs } from './load-state.ts';
import { parseDescription, parseRefusal, type ExaminationDescription, type Refusal } from './description.ts';

export type Loaded =
  | { readonly kind: 'described'; readonly examination: ExaminationDescription }
  | { readonly kind: 'ended'; readonly refusal: Refusal }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** It may be there a moment later. */
  | { readonly kind: 'failed'; readonly refusal: Refusal }
  /** No answer: the line, not the server. */
  | { readonly kind: 'unreachable' };

const timeoutMs = 20_000;

/** @param pagePath  `/examen/{grant}` */
export const loadDescription = async (pagePath: string): Promise<Loaded> => {
  let answer: Response;
  try {
    answer = await fetch(`${pagePath}/description`, {
      headers: { accept: 'application/json' },
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch {
    return { kind: 'unreachable' };
  }
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.status === 401) return { kind: 'ended', refusal: parseRefusal(body) };
  if (isPassing(answer.status)) return { kind: 'failed', refusal: parseRefusal(body) };
  if (!answer.ok) return { kind: 'refused', refusal: parseRefusal(body) };
  try {
    const examination = parseDescription(body);
    const endsAtUtcMs = examination.endsAtUtcMs + readSkewMs(answer);
    return { kind: 'described', examination: { ...examination, endsAtUtcMs } };
  } catch {
    return { kind: 'refused', refusal: parseRefusal(undefined) };
  }
};
