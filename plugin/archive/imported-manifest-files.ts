/**
 * Manifests (KOS) that come as single files, without metadata and without report: kept, so that they can be read and served,
 * and so that a report that comes later replaces what the DMP holds. Nothing is sent for them and nothing deleted.
 *
 * @see issue "The life of a KOS" item 7 · decision A1
 */
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import { type Manifest, parseManifest } from '../kos/index.ts';
import {
  insOids,
  type InsIdentifier,
  isInsOid,
  parseInsIdentifier,
  parseStudyInstanceUid,
} from '../standards/index.ts';
import type { Store } from '../store/index.ts';
import { findKnownManifest, markPublished, saveForeignStudy } from './imported-study.ts';
import { saveSettledSubmission } from './imported-submission.ts';
import { saveEvents } from './journal.ts';
import { StudyState } from './studies.ts';

export interface ManifestFile {
  /** As the administrator named it. */
  readonly name: string;
  /** @throws cli/file-unreadable */
  read(): Promise<Uint8Array>;
}

export interface LoadedManifestOutcome {
  readonly file: string;
  readonly outcome: 'loaded' | 'already-there' | 'refused';
  readonly studyInstanceUid?: string;
  readonly code?: ErrorCode;
  readonly detail?: string;
}

const known = (detail: string): DrimboxError => new DrimboxError('archive/study-known', { detail });

/** Of the patient, and of nobody else. @throws standards/ins-invalid, archive/environment-mismatch, kos/unreadable */
const insOf = ({ patient }: Manifest, environment: 'test' | 'production'): InsIdentifier => {
  const candidates = [patient, ...patient.otherIds].filter(({ issuerOid }) => isInsOid(issuerOid));
  const [first] = candidates;
  if (candidates.some(({ id, issuerOid }) => id !== first?.id || issuerOid !== first.issuerOid)) {
    throw new DrimboxError('kos/unreadable', { detail: 'it names several INS' });
  }
  const ins = parseInsIdentifier(first?.id ?? '', first?.issuerOid ?? '');
  if (insOids[ins.oid].environment === environment) return ins;
  throw new DrimboxError('archive/environment-mismatch', {
    detail: `INS of the ${insOids[ins.oid].environment} environment in a DRIMbox of ${environment}`,
  });
};

const checkStudy = (manifest: Manifest): string => {
  const uid = parseStudyInstanceUid(manifest.studyInstanceUid);
  if (manifest.series.every((series) => series.studyInstanceUid === uid)) return uid;
  throw new DrimboxError('kos/unreadable', { detail: 'it names instances of another study' });
};

const loadFile = async (
  store: Store,
  kos: Uint8Array,
  given: { readonly environment: 'test' | 'production'; readonly atUtcMs: number },
): Promise<Pick<LoadedManifestOutcome, 'outcome' | 'studyInstanceUid'>> => {
  const manifest = parseManifest(kos);
  const studyInstanceUid = checkStudy(manifest);
  const ins = insOf(manifest, given.environment);
  const { atUtcMs } = given;
  return store.transaction(async (trx) => {
    const found = await findKnownManifest(trx, { studyInstanceUid, documentUid: manifest.sopInstanceUid, kos });
    if (found.kind === 'conflict') throw known(found.detail);
    if (found.kind !== 'unknown') return { outcome: 'already-there', studyInstanceUid };
    const study = { studyInstanceUid, state: StudyState.loaded, atUtcMs, lookDueAtUtcMs: null };
    if (!(await saveForeignStudy(trx, study))) throw known('the study became known meanwhile');
    const submissionId = await saveSettledSubmission(trx, {
      studyInstanceUid,
      origin: 'file',
      reportId: undefined,
      version: 1,
      // Of no report: whatever a report calls for is something else.
      fingerprint: '',
      documentUid: manifest.sopInstanceUid,
      submissionSetUid: '',
      signatureUid: '',
      // Nobody: it is never sent again. The patient is known, so that no other one's report replaces it.
      sender: { structureId: '', sector: '', person: { kind: 'automaton', id: '', name: '' }, roles: [], ins },
      metadata: '',
      kos,
      signature: new Uint8Array(),
      entryUuid: undefined,
      atUtcMs,
    });
    await markPublished(trx, studyInstanceUid, submissionId);
    await saveEvents(trx, atUtcMs, [{ name: 'archive/loaded', studyInstanceUid, detail: { order: submissionId } }]);
    return { outcome: 'loaded', studyInstanceUid };
  });
};

/**
 * Loads manifests, each whole or not at all.
 *
 * @throws store/* — those loaded so far are kept
 */
export const loadManifestFiles = async (
  store: Store,
  files: readonly ManifestFile[],
  given: { readonly environment: 'test' | 'production'; readonly clock: () => number },
): Promise<readonly LoadedManifestOutcome[]> => {
  const outcomes: LoadedManifestOutcome[] = [];
  for (const file of files) {
    try {
      const { environment } = given;
      outcomes.push({
        file: file.name,
        ...(await loadFile(store, await file.read(), { environment, atUtcMs: given.clock() })),
      });
    } catch (cause) {
      const error = asDrimboxError(cause);
      if (error.code.startsWith('store/')) throw error;
      outcomes.push({ file: file.name, outcome: 'refused', code: error.code, detail: error.detail });
    }
  }
  return outcomes;
};
