/** How long a session lasts, and how much one person, one address, one session may have at once. */
import { z } from 'zod';

const count = (most: number) => z.int().min(1).max(most);

/** Options of sessions; the bounds are those of the référentiel d'identification électronique (facts/identity.md §6). */
export const sessionOptions = z.strictObject({
  idleMinutes: count(30)
    .default(30)
    .describe('A person who does nothing for so long is signed out (RIE v2: at most 30)'),
  lifetimeMinutes: count(240)
    .default(240)
    .describe('A session lasts no longer, whatever the person does (RIE v2: at most 4 h)'),
  sessionsPerPerson: count(50)
    .default(5)
    .describe('Browsers one person may be signed in with; beyond, the stalest is ended'),
  grantsPerSession: count(500).default(100).describe('Examinations opened in one session'),
  attemptsPerMinute: count(10_000)
    .default(60)
    .describe('Sign-ins started from one address (IPv6: /64) in a minute; a hospital may have one address for all'),
  failedMatchesPerPerson: count(100)
    .default(5)
    .describe('Times in an hour that one person may turn out not to be the patient; then no comparison is made'),
  failedMatchesPerStudy: count(1_000)
    .default(20)
    .describe('The same of all persons together, for one examination: many, or others could close it to its patient'),
});
export type SessionOptions = z.infer<typeof sessionOptions>;
