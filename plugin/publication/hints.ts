/**
 * Change events of Orthanc, kept as hints: they make the studies they are about due for a look, and decide nothing
 * (design §4, decision D4). A study that no report names is none of our business.
 */
import { requestLook, requestLooksByObjects, requestLooksByState, StudyState } from '../archive/index.ts';
import type { ChangeBatch, OrthancClient } from '../orthanc/index.ts';
import type { PublicationPorts } from './ports.ts';
import { requestSweep } from './sweep.ts';

type HintPorts = Pick<PublicationPorts, 'store' | 'clock' | 'options'> & {
  readonly orthanc: Pick<OrthancClient, 'resolveStudyOf'>;
};

/** Studies whose images may just have come. */
const waitingStates = [StudyState.new, StudyState.waitingForImages, StudyState.settling] as const;
const maxQuestions = 10;

/**
 * @returns how many known studies became due
 * @throws store/unavailable, orthanc/*: the hook then keeps the batch and tells it again
 */
export const takeHints = async (ports: HintPorts, batch: ChangeBatch): Promise<number> => {
  const { knex } = ports.store;
  const now = ports.clock();
  const idsOf = (hints: ChangeBatch['hints']): readonly string[] => [
    ...new Set(hints.flatMap((hint) => hint.orthancStudyId ?? [])),
  ];
  // What was looked at before is known by its Orthanc ids: no question to Orthanc, and it works for what is deleted.
  const ids = [...new Set(batch.hints.map((hint) => hint.orthancId))];
  const soonUtcMs = now + ports.options.stabilitySeconds * 1000;
  const known = ids.length === 0 ? [] : await requestLooksByObjects(knex, ids, { nowUtcMs: now, soonUtcMs });
  let due = known.length;
  // Something was told by nobody: the archive is compared with the PACS.
  if (batch.dropped > 0 || batch.started === true) await requestSweep(ports);
  const isKnown = new Set(known);
  const stored = idsOf(batch.hints.filter((hint) => hint.change !== 'deleted')).filter((id) => !isKnown.has(id));
  // The hook waits for our answer a moment only: beyond a few, looking at everything that waits costs less than asking.
  if (stored.length > maxQuestions) return due + (await requestLooksByState(knex, waitingStates, now));
  for (const orthancId of stored) {
    const uid = await ports.orthanc.resolveStudyOf('study', orthancId);
    if (uid !== undefined && (await requestLook(knex, uid, now))) due += 1;
  }
  return due;
};
