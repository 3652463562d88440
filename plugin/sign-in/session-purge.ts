/** Deletes what is over: nothing of a person stays because nobody called again. */
import { attemptMs } from './attempt.ts';
import type { SessionOptions } from './session-options.ts';
import { idleMs } from './session-rows.ts';
import type { SessionPorts } from './sessions.ts';
import { longestTallyMs } from './tally.ts';

export interface PurgeCounts {
  readonly sessions: number;
  readonly attempts: number;
}

/** To be called every minute or so. @throws store/unavailable */
export type PurgeSessions = () => Promise<PurgeCounts>;

/** @param options  see `sessionOptions` */
export const createSessionPurge =
  ({ store, clock }: Pick<SessionPorts, 'store' | 'clock'>, options: SessionOptions): PurgeSessions =>
  () =>
    store.transaction(async (trx) => {
      const nowUtcMs = clock();
      const sessions = await trx('viewer_session')
        .where('ends_at_utc_ms', '<=', nowUtcMs)
        .orWhere('seen_at_utc_ms', '<=', nowUtcMs - idleMs(options))
        .delete()
        .returning('id');
      const attempts = await trx('sign_in_attempt')
        .where('started_at_utc_ms', '<=', nowUtcMs - attemptMs)
        .delete()
        .returning('provider');
      await trx('viewer_tally')
        .where('slot_utc_ms', '<=', nowUtcMs - longestTallyMs)
        .delete();
      await trx('viewer_ended_provider_session').where('until_utc_ms', '<=', nowUtcMs).delete();
      return { sessions: sessions.length, attempts: attempts.length };
    });
