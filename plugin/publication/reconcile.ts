/**
 * The one idea (design §4): look at a study, compare what is wanted with what is published, order what is missing, and
 * bring the order to the DMP. Reading this file is reading the process.
 */
import {
  loadOpenOrder,
  loadOrderHead,
  StudyState,
  type ArchivedStudy,
  type Order,
  type OrderHead,
} from '../archive/index.ts';
import { DrimboxError } from '../errors.ts';
import { decide, type Decision } from './comparison.ts';
import { loadPast, publishedState, untroubled, wantedState } from './comparison-sides.ts';
import {
  conclude,
  concludeAbsent,
  concludeHold,
  concludeSettling,
  concludeUnchanged,
  concludeVanishing,
  type LookResult,
} from './conclusions.ts';
import { findOut } from './delivery.ts';
import { findLateArrival, nextLateCheckAt } from './late-arrivals.ts';
import { observe, type Observation } from './observation.ts';
import { buildOrder } from './order.ts';
import { concludeDelivery, order, orderDeletion, send } from './ordering.ts';
import { checkDatabase } from './pacs-database.ts';
import type { PublicationPorts } from './ports.ts';
import { proveVanished, type Proof } from './vanished-images.ts';

const supersede = async (ports: PublicationPorts, study: ArchivedStudy, order: Order): Promise<void> =>
  conclude(ports, study, { update: {}, events: [], settle: { order, state: 'superseded' } });

const publishedOf = async (ports: PublicationPorts, study: ArchivedStudy): Promise<OrderHead | undefined> =>
  study.publishedSubmissionId === undefined ? undefined : loadOrderHead(ports.store.knex, study.publishedSubmissionId);

/** An order that has not left yet is sent only if it is still what is wanted. */
const isStillWanted = (open: Order, found: Observation, published: OrderHead | undefined): boolean => {
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
): Promise<Proof> => {
  if (decision.kind === 'none' || decision.kind === 'publish' || decision.cause !== 'pacs') return { kind: 'proven' };
  if (decision.kind === 'delete') return proveVanished(ports, study, { rejected: found.kind === 'rejected' });
  const doubt = await checkDatabase(ports);
  return doubt === undefined
    ? { kind: 'proven' }
    : { kind: 'unproven', code: 'publication/pacs-database-changed', detail: doubt };
};

/** Nothing is to be sent: what the study is now. */
const rest = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: Observation,
  published: OrderHead | undefined,
): Promise<LookResult> => {
  switch (found.kind) {
    case 'hold':
      return concludeHold(ports, study, found);
    case 'settling':
      return concludeSettling(ports, study, found);
    case 'absent':
      return published === undefined ? concludeAbsent(ports, study, found.structureId) : {};
    case 'rejected': {
      if (published !== undefined || study.state === StudyState.imagesGone) return {};
      const detail = 'only rejected objects and manifests';
      return concludeHold(ports, study, { code: 'kos/study-empty', detail, structureId: found.structureId });
    }
    case 'not-destined':
      return concludeUnchanged(ports, study, published === undefined ? StudyState.notDestined : StudyState.published, [
        { name: 'study/not-destined', studyInstanceUid: study.studyInstanceUid },
      ]);
    case 'nothing':
      if (published === undefined) return concludeUnchanged(ports, study, StudyState.retired);
      return published.origin === 'file' ? concludeUnchanged(ports, study, StudyState.loaded) : {};
    case 'manifest':
      // Otherwise the DMP refused it for good, or somebody withdrew what was there: the study stays what it is.
      return published?.fingerprint === found.fingerprint ? concludeUnchanged(ports, study, StudyState.published) : {};
  }
};

const act = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  found: Observation,
  published: OrderHead | undefined,
): Promise<LookResult> => {
  const decision = decide(wantedState(found), publishedState(published), await loadPast(ports, study));
  const proof = await prove(ports, study, decision, found);
  if (proof.kind === 'wait') return concludeVanishing(ports, study, proof);
  if (proof.kind === 'unproven') return concludeHold(ports, study, proof);
  switch (decision.kind) {
    case 'publish':
    case 'replace': {
      if (found.kind !== 'manifest') throw new DrimboxError('general/internal');
      const cause = decision.kind === 'publish' ? 'report' : decision.cause;
      return order(ports, study, () => buildOrder(ports, found, published, cause), found);
    }
    case 'delete': {
      if (published === undefined) throw new DrimboxError('general/internal');
      const isConfirmed = decision.cause === 'pacs' && study.deletionConfirmedAtUtcMs !== undefined;
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

/** An open order that has not left: still wanted, and what the PACS caused still proven. */
const mayLeave = async (
  ports: PublicationPorts,
  study: ArchivedStudy,
  open: Order,
  found: Observation,
  published: OrderHead | undefined,
): Promise<boolean> => {
  if (!isStillWanted(open, found, published)) return false;
  if (open.cause !== 'pacs') return true;
  const decision = decide(wantedState(found), publishedState(published), untroubled);
  return (await prove(ports, study, decision, found)).kind === 'proven';
};

const look = async (ports: PublicationPorts, study: ArchivedStudy): Promise<LookResult> => {
  const open = await loadOpenOrder(ports.store.knex, study.studyInstanceUid);
  const settled = open === undefined ? undefined : await settleSent(ports, study, open);
  if (settled !== undefined) return settled;
  const found = await observe(ports, study);
  const published = await publishedOf(ports, study);
  if (open !== undefined) {
    if (await mayLeave(ports, study, open, found, published)) return send(ports, study, open);
    await supersede(ports, study, open);
  }
  const isAboutToSend = decide(wantedState(found), publishedState(published), untroubled).kind !== 'none';
  const late = await findLateArrival(ports, study, isAboutToSend);
  if (late !== undefined) return orderDeletion(ports, study, late, 'correction');
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
