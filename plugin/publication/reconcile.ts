/**
 * The one idea (design §4): look at a study, compare what is wanted with what is published, order what is missing, and
 * bring the order to the DMP. Reading this file is reading the process.
 */
import {
  isUnsureAfterRestore,
  loadLastFailure,
  loadOpenOrder,
  loadPublishedHead,
  StudyState,
  unsureAfterRestore,
  type ArchivedStudy,
  type Order,
  type OrderCause,
  type PublishedHead,
} from '../archive/index.ts';
import { DrimboxError, type ErrorCode } from '../errors.ts';
import { hasOtherVisibility } from './archived-manifest.ts';
import { decide, type Decision } from './comparison.ts';
import { loadPast, publishedState, untroubled, wantedState } from './comparison-sides.ts';
import {
  conclude,
  concludeAbsent,
  concludeBarred,
  concludeHold,
  concludeSettling,
  concludeUnchanged,
  concludeUnproven,
  concludeVanishing,
  type LookResult,
} from './conclusions.ts';
import { findOut } from './delivery.ts';
import { findLateArrival, nextLateCheckAt } from './late-arrivals.ts';
import { observe, type Observation, type WantedManifest } from './observation.ts';
import { buildOrder } from './order.ts';
import { concludeDelivery, order, orderDeletion, send } from './ordering.ts';
import type { PublicationPorts } from './ports.ts';
import { proveReplacement } from './shrunk-content.ts';
import { isConfirmedNow, proveVanished, type Proof } from './vanished-images.ts';

const supersede = async (ports: PublicationPorts, study: ArchivedStudy, open: Order): Promise<void> =>
  conclude(ports, study, { update: {}, events: [], settle: { order: open, state: 'superseded' } });

const publishedOf = async (ports: PublicationPorts, study: ArchivedStudy): Promise<PublishedHead | undefined> =>
  study.publishedSubmissionId === undefined
    ? undefined
    : loadPublishedHead(ports.store.knex, study.publishedSubmissionId);

/** An order that has not left yet is sent only if it is still what is wanted. */
const isStillWanted = (open: Order, found: Observation, published: PublishedHead | undefined): boolean => {
  const decision = decide(wantedState(found), publishedState(published), untroubled);
  if (open.kind !== 'delete') {
    return (
      (decision.kind === 'publish' || decision.kind === 'replace') &&
      found.kind === 'manifest' &&
      found.fingerprint === open.fingerprint
    );
  }
  // The deletion of a late arrival is wanted whatever else is.
  return open.previousSubmissionId !== published?.id || decision.kind === 'delete';
};

/** What the PACS causes needs its proofs, when the order is made and again when one that waited leaves (decisions D1, D2). */
const prove = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  decision: Decision,
  found: Observation,
  isOrdered: boolean,
  published: PublishedHead | undefined,
): Promise<Proof> => {
  if (decision.kind === 'delete' && decision.cause === 'pacs') {
    return proveVanished(ports, study, { rejected: found.kind === 'rejected', isOrdered });
  }
  if (decision.kind !== 'replace' || found.kind !== 'manifest' || published === undefined) return { kind: 'proven' };
  return proveReplacement(ports, { ...found, cause: decision.cause, published, isOrdered });
};

const refusalOf = async (ports: PublicationPorts, study: ArchivedStudy): Promise<ErrorCode | undefined> =>
  study.refusedSubmissionId === undefined ? undefined : loadLastFailure(ports.store.knex, study.refusedSubmissionId);

/** Nothing is to be sent: what the study is now. */
const rest = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: Observation,
  published: PublishedHead | undefined,
): Promise<LookResult> => {
  switch (found.kind) {
    case 'hold':
      return concludeHold(ports, study, found);
    case 'settling':
      return concludeSettling(ports, study, found);
    case 'absent':
      // What was loaded from a file is not ours: a report of ours waits for its images all the same.
      return published === undefined || published.origin === 'file'
        ? concludeAbsent(ports, study, found.structureId)
        : {};
    case 'rejected': {
      if (published !== undefined || study.state === StudyState.imagesGone) return {};
      const detail = 'only rejected objects and manifests';
      return concludeHold(ports, study, { code: 'kos/study-empty', detail, structureId: found.structureId });
    }
    case 'not-destined':
      return concludeUnchanged(ports, study, published === undefined ? StudyState.notDestined : StudyState.published, [
        { name: 'study/not-destined', studyInstanceUid: study.studyInstanceUid },
      ]);
    case 'misfiled':
      return {};
    case 'nothing':
      if (published === undefined) return concludeUnchanged(ports, study, StudyState.retired);
      return published.origin === 'file' ? concludeUnchanged(ports, study, StudyState.loaded) : {};
    case 'manifest':
      if (published?.fingerprint === found.fingerprint) return concludeUnchanged(ports, study, StudyState.published);
      return concludeBarred(ports, study, await refusalOf(ports, study));
  }
};

/** Another visibility is a report's doing, even when the report that the manifest accompanies is the same (decision B6). */
const withCause = async (
  ports: PublicationPorts,
  decision: Decision,
  found: Observation,
  published: PublishedHead | undefined,
): Promise<Decision> => {
  if (decision.kind !== 'replace' || decision.cause !== 'pacs') return decision;
  if (found.kind !== 'manifest' || published === undefined) return decision;
  return (await hasOtherVisibility(ports, found.visibility, published)) ? { ...decision, cause: 'report' } : decision;
};

const replaceOrPublish = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  wanted: WantedManifest,
  published: PublishedHead | undefined,
  cause: OrderCause,
): Promise<LookResult> => {
  const result = await order(ports, study, () => buildOrder(ports, wanted, published, cause), {
    wanted,
    isLate: false,
  });
  // What was hidden without the PACS is looked at again: the reason why it had to be is still there.
  return wanted.isArchived === true && result.nextAtUtcMs === undefined ? { nextAtUtcMs: ports.clock() } : result;
};

const act = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: Observation,
  published: PublishedHead | undefined,
): Promise<LookResult> => {
  const past = await loadPast(ports, study);
  const decided = decide(wantedState(found), publishedState(published), past);
  const decision = await withCause(ports, decided, found, published);
  const proof = await prove(ports, study, decision, found, false, published);
  if (proof.kind === 'later') return { nextAtUtcMs: proof.untilUtcMs };
  if (proof.kind === 'wait') return concludeVanishing(ports, study, proof);
  if (proof.kind === 'unproven') {
    return decision.kind === 'delete' ? concludeUnproven(ports, study, proof) : concludeHold(ports, study, proof);
  }
  switch (decision.kind) {
    case 'publish':
    case 'replace':
      if (found.kind !== 'manifest') throw new DrimboxError('general/internal');
      if (decision.kind === 'publish' && (await isUnsureAfterRestore(ports.store.knex, study.studyInstanceUid))) {
        const detail = 'it may have been published after the backup that this archive was restored from';
        return concludeHold(ports, study, { code: unsureAfterRestore, detail });
      }
      return replaceOrPublish(ports, study, found, published, decision.kind === 'publish' ? 'report' : decision.cause);
    case 'delete': {
      if (published === undefined) throw new DrimboxError('general/internal');
      const isConfirmed = decision.cause === 'pacs' && isConfirmedNow(ports, study);
      return orderDeletion(ports, study, published, isConfirmed ? 'administrator' : decision.cause);
    }
    case 'none':
      return rest(ports, study, found, published);
  }
};

/**
 * An order that may have arrived is settled before anything else is concluded.
 *
 * @returns the result when the look ends here; undefined when the DMP surely does not have it
 */
const settleSent = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  open: Order,
): Promise<LookResult | undefined> => {
  if (open.sentAtUtcMs === undefined) return undefined;
  const { nextAttemptAtUtcMs = 0 } = open;
  if (ports.clock() < nextAttemptAtUtcMs) return { nextAtUtcMs: nextAttemptAtUtcMs };
  const known = await findOut(ports, study, open);
  if (known.kind === 'not-sent') return undefined;
  if (known.kind === 'too-early') return { nextAtUtcMs: known.untilUtcMs };
  const { nextAtUtcMs } = await concludeDelivery(ports, study, open, known);
  return { nextAtUtcMs: nextAtUtcMs ?? ports.clock() };
};

/** An open order that has not left: still wanted, for the same cause, and what the PACS caused still proven. */
const mayLeave = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  open: Order,
  found: Observation,
  published: PublishedHead | undefined,
): Promise<boolean> => {
  if (!isStillWanted(open, found, published)) return false;
  if (open.kind === 'publish' && (await isUnsureAfterRestore(ports.store.knex, study.studyInstanceUid))) return false;
  // The deletion of a late arrival stands on nothing that could change.
  if (open.kind === 'delete' && open.previousSubmissionId !== published?.id) return true;
  const decided = decide(wantedState(found), publishedState(published), untroubled);
  const decision = await withCause(ports, decided, found, published);
  const isOfPacs = decision.kind !== 'none' && decision.kind !== 'publish' && decision.cause === 'pacs';
  if (!isOfPacs) return true;
  // What a report ordered is not what the PACS causes now: that needs its own proofs, from the beginning.
  if (open.cause !== 'pacs' && open.cause !== 'administrator') return false;
  return (await prove(ports, study, decision, found, true, published)).kind === 'proven';
};

const look = async (ports: PublicationPorts, study: ArchivedStudy): Promise<LookResult> => {
  const open = await loadOpenOrder(ports.store.knex, study.studyInstanceUid);
  const settled = open === undefined ? undefined : await settleSent(ports, study, open);
  if (settled !== undefined) return settled;
  const published = await publishedOf(ports, study);
  const found = await observe(ports, study, published);
  if (open !== undefined) {
    if (await mayLeave(ports, study, open, found, published)) return send(ports, study, open);
    await supersede(ports, study, open);
  }
  const isAboutToSend = decide(wantedState(found), publishedState(published), untroubled).kind !== 'none';
  const late = await findLateArrival(ports, study, isAboutToSend);
  if (late?.kind === 'adopted') return { nextAtUtcMs: ports.clock() };
  if (late?.kind === 'unwanted') return orderDeletion(ports, study, late.order, 'correction', true);
  return act(ports, study, found, published);
};

const earliest = (a: number | undefined, b: number | undefined): LookResult => {
  if (a === undefined && b === undefined) return {};
  return { nextAtUtcMs: Math.min(a ?? Number.POSITIVE_INFINITY, b ?? Number.POSITIVE_INFINITY) };
};

/**
 * Looks at one leased study.
 *
 * @throws orthanc/* and store/* transient errors: the caller postpones; "PACS unreachable" is never "images gone"
 */
export const reconcile = async (ports: PublicationPorts, study: ArchivedStudy): Promise<LookResult> => {
  const { nextAtUtcMs } = await look(ports, study);
  return earliest(nextAtUtcMs, await nextLateCheckAt(ports, study));
};
