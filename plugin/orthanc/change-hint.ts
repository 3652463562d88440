/**
 * What the hook inside Orthanc tells: studies that deserve a look. It decides nothing.
 */
import { z } from 'zod';
import { DrimboxError } from '../errors.ts';

export type ChangeKind = 'stored' | 'deleted' | 'updated';
export type ResourceLevel = 'patient' | 'study' | 'series' | 'instance';

export interface ChangeHint {
  readonly change: ChangeKind;
  readonly level: ResourceLevel;
  /** Of the resource itself. A deleted one is gone: only who remembers its id knows its study (`orthancIdOf…`). */
  readonly orthancId: string;
  /** Given when `level` is study. */
  readonly orthancStudyId?: string;
  readonly studyInstanceUid?: string;
  /** When Orthanc told the hook, by the clock of Orthanc's machine. */
  readonly atUtcMs: number;
}

export interface ChangeBatch {
  readonly hints: readonly ChangeHint[];
  /** Changes that the hook could not keep since the last batch: more than none calls for a sweep. */
  readonly dropped: number;
  /** Mark of Orthanc's database (decision D2). */
  readonly database?: string;
  /** Orthanc has just started: what happened while it was down, or to its database, was told by nobody. */
  readonly started?: true;
}

const changeBatch = z.object({
  hook: z.literal(1),
  database: z.string().max(64).nullish(),
  started: z.boolean().optional(),
  dropped: z.int().nonnegative(),
  changes: z
    .array(
      z.object({
        change: z.enum(['stored', 'deleted', 'updated']),
        level: z.enum(['patient', 'study', 'series', 'instance']),
        orthancId: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/),
        atUtcMs: z.int().nonnegative(),
      }),
    )
    .max(1_000),
});

/** @throws orthanc/hook-request-invalid */
export const parseChangeBatch = (body: Uint8Array): ChangeBatch => {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw new DrimboxError('orthanc/hook-request-invalid', { cause, detail: 'changes are not JSON' });
  }
  const parsed = changeBatch.safeParse(json);
  if (!parsed.success) {
    throw new DrimboxError('orthanc/hook-request-invalid', {
      detail: `changes: ${parsed.error.issues[0]?.code ?? ''}`,
    });
  }
  const { changes, dropped, database, started } = parsed.data;
  return {
    dropped,
    ...(typeof database === 'string' ? { database } : {}),
    ...(started === true ? { started } : {}),
    hints: changes.map((change) =>
      change.level === 'study' ? { ...change, orthancStudyId: change.orthancId } : change,
    ),
  };
};
