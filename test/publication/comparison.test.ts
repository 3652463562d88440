import { describe, expect, test } from 'vitest';
import { decide, type Decision, type Published, type Wanted } from '../../plugin/publication/index.ts';

const published = { kind: 'manifest', fingerprint: 'a' } as const;
const nothing = { kind: 'nothing' } as const;

const table: readonly (readonly [string, Wanted, Published, Decision])[] = [
  ['a new manifest is published', { kind: 'manifest', fingerprint: 'a' }, nothing, 'publish'],
  ['the same manifest is left alone (C1)', { kind: 'manifest', fingerprint: 'a' }, published, 'none'],
  ['another manifest replaces', { kind: 'manifest', fingerprint: 'b' }, published, 'replace'],
  ['no report, nothing published: nothing', { kind: 'nothing' }, nothing, 'none'],
  ['no report any more: deleted (B6)', { kind: 'nothing' }, published, 'delete'],
  ['not destined to the DMP never deletes (B8)', { kind: 'not-destined' }, published, 'none'],
  ['not destined to the DMP never publishes (B8)', { kind: 'not-destined' }, nothing, 'none'],
  ['waiting for images never deletes', { kind: 'wait' }, published, 'none'],
  ['a hold never publishes', { kind: 'hold', code: 'publication/images-mismatch' }, nothing, 'none'],
  ['a hold never deletes', { kind: 'hold', code: 'publication/images-mismatch' }, published, 'none'],
];

describe('decision from wanted and published (design §4)', () => {
  test.each(table)('%s', (_title, wanted, held, decision) => {
    expect(decide(wanted, held)).toBe(decision);
  });
});
