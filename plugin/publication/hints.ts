/**
 * Change events of Orthanc, kept as hints: they make the studies they are about due for a look, and decide nothing
 * (design §4, decision D4). A study that no report names is none of our business.
 */
import { requestLook, requestLooksByOrthancStudy, requestLooksByState, StudyState } from '../archive/index.ts';
import type { ChangeBatch, OrthancClient } from '../orthanc/index.ts';
import type { PublicationPorts } from './ports.ts';

type HintPorts = Pick<PublicationPorts, 'store' | 'clock'> & {
  readonly orthanc: Pick<OrthancClient, 'resolveStudyOf'>;
};

/** States whose studies may have changed when the hook says that it lost changes. */
const everyLiveState = Object.values(StudyState).filter((state) => state !== StudyState.retired);

/**
 * @returns how many known studies became due
 * @throws store/unavailable, orthanc/*: the hook then keeps the batch and tells it again
 */
export const takeHints = async (ports: HintPorts, batch: ChangeBatch): Promise<number> => {
  const { knex } = ports.store;
  const now = ports.clock();
  const studies = new Map(
    batch.hints.flatMap((hint) => (hint.orthancStudyId === undefined ? [] : [[hint.orthancStudyId, hint]])),
  );
  // A study that was looked at before is known by its Orthanc id: no question to Orthanc, and it works for deleted ones.
  let due = studies.size === 0 ? 0 : await requestLooksByOrthancStudy(knex, [...studies.keys()], now);
  for (const [orthancId, hint] of studies) {
    if (hint.change === 'deleted') continue;
    const uid = await ports.orthanc.resolveStudyOf('study', orthancId);
    if (uid !== undefined && (await requestLook(knex, uid, now))) due += 1;
  }
  if (batch.dropped > 0) due += await requestLooksByState(knex, everyLiveState, now);
  return due;
};
