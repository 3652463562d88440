/** The userinfo endpoint: one question with the access token, the answer as text; what it says is read elsewhere. */
import type { ProviderFetch } from '../trust/index.ts';
import { classifyAnswer, classifyFailure, type ProviderUnavailable, unavailable } from './provider-failure.ts';

export interface UserinfoQuestion {
  readonly url: string;
  readonly accessToken: string;
  /** `application/json`, or `application/jwt` where it is signed. */
  readonly mediaType: string;
  readonly timeoutMs: number;
  readonly fetch: ProviderFetch;
}

export type UserinfoText = { readonly kind: 'text'; readonly text: string } | ProviderUnavailable;

export const queryUserinfo = async (question: UserinfoQuestion): Promise<UserinfoText> => {
  const { url, accessToken, mediaType, timeoutMs } = question;
  try {
    const answer = await question.fetch(url, {
      headers: { accept: mediaType, authorization: `Bearer ${accessToken}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (answer.status !== 200) {
      await answer.body?.cancel();
      return classifyAnswer(answer.status);
    }
    const type = (answer.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
    if (type !== mediaType) {
      await answer.body?.cancel();
      return unavailable('sign-in/provider-answer-invalid', `userinfo is not ${mediaType}`);
    }
    return { kind: 'text', text: await answer.text() };
  } catch (failure) {
    return classifyFailure(failure);
  }
};
