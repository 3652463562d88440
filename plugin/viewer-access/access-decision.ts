/**
 * Who may see what behind a report's link: all that the link says must agree with the archive, and whoever signed in must be
 * the patient or a professional to whom the report is not hidden. Anything else is a refusal, whose reason only the audit
 * learns.
 *
 * @see decisions B7, E1, E5, E6, E7 · facts/spec.md b.7 · facts/identity.md §3.4 · DB.VI-SO.08, DB.VI-SO.152
 */
import type {
  FindStandingManifest,
  LinkedReport,
  LinkedStudy,
  LoadReportLink,
  LoadServing,
  ReportLinkFacts,
  ServedManifest,
  ServingRefusal,
} from '../archive/index.ts';
import type { ErrorCode } from '../errors.ts';
import { pairOrder } from '../report/index.ts';
import { documentIdKey, type InsIdentifier, isSameIns, type PatientIdentity } from '../standards/index.ts';
import type { ReportLink } from './report-link.ts';

/** Who signed in. `Traits` are those that FranceConnect+ gave. */
export type Viewer<Traits> =
  | { readonly kind: 'professional'; readonly nationalId: string }
  | { readonly kind: 'patient'; readonly traits: Traits };

/** One identity of the archive. */
export interface ArchivedIdentity extends PatientIdentity {
  /** PID-32 of the message that brought it, where it said one. */
  readonly identityStatus?: string;
}

/** All that the archive says of the patient of a study. */
export interface StudyPatient {
  /** Of the manifest; of the report where the manifest was imported: both came of one file. */
  readonly manifest: ArchivedIdentity;
  /** Of the current versions that name the study; at least one. */
  readonly reports: readonly ArchivedIdentity[];
}

/** `reasons`: which trait differs, never a value. `refused`: too many tries, nothing was compared. */
export type IdentityAnswer =
  | { readonly kind: 'match' }
  | { readonly kind: 'mismatch'; readonly reasons?: readonly string[] }
  | { readonly kind: 'refused' };

/**
 * Whether these traits are those of the patient of that study; anything but `match` is a refusal, and counts against the person
 * and the study. @throws store/unavailable
 */
export type MatchIdentity<Traits> = (
  traits: Traits,
  patient: StudyPatient,
  studyInstanceUid: string,
) => Promise<IdentityAnswer>;

/** The same comparison, which counts against nobody. */
export type CompareIdentity<Traits> = (traits: Traits, patient: StudyPatient) => IdentityAnswer;

/** What a grant keeps of a study. */
export interface OpenedStudy {
  readonly studyInstanceUid: string;
  readonly ins: InsIdentifier;
}

/** A study that is opened. */
export interface GrantedStudy extends OpenedStudy {
  /** Of the manifest that stood when it was granted. */
  readonly kosSopInstanceUid: string;
}

/** Why not: for the audit and the log; the page is one for all. */
export type AccessRefusal = Extract<
  ErrorCode,
  | 'viewer-access/report-unknown'
  | 'viewer-access/report-gone'
  | 'viewer-access/accession-mismatch'
  | 'viewer-access/accession-unknown'
  | 'viewer-access/series-unknown'
  | 'viewer-access/not-published'
  | 'viewer-access/study-held'
  | 'viewer-access/other-patient'
  | 'viewer-access/hidden-from-patient'
  | 'viewer-access/masked'
  | 'viewer-access/identity-mismatch'
  | 'viewer-access/identity-throttled'
>;

/** For the audit. */
export interface AccessRefused {
  readonly kind: 'refused';
  readonly reason: AccessRefusal;
  /** Whose images were asked for, where the archive knows. */
  readonly ins?: InsIdentifier;
  /** Which traits differ, by name. */
  readonly mismatches?: readonly string[];
}

export type AccessDecision =
  /** The study of the link, then the report's others. */
  { readonly kind: 'granted'; readonly studies: readonly [GrantedStudy, ...GrantedStudy[]] } | AccessRefused;

export interface AccessPorts<Traits> {
  readonly loadReportLink: LoadReportLink;
  readonly findStandingManifest: FindStandingManifest;
  readonly loadServing: LoadServing;
  readonly matchIdentity: MatchIdentity<Traits>;
  readonly compareIdentity: CompareIdentity<Traits>;
}

const servingRefusals: Readonly<Record<ServingRefusal, AccessRefusal>> = {
  unknown: 'viewer-access/not-published',
  'not-current': 'viewer-access/not-published',
  held: 'viewer-access/study-held',
  'report-gone': 'viewer-access/report-gone',
};

/**
 * To whom the current reports hide the images (decision E5). What is invisible to the legal representatives stays closed to
 * the patient's own account too: a parent may hold it.
 */
export const findHiding = <Traits>(manifest: ServedManifest, viewer: Viewer<Traits>): AccessRefusal | undefined => {
  const { maskedFromProfessionals, invisibleToPatient, invisibleToRepresentatives } = manifest.restrictions;
  switch (viewer.kind) {
    case 'professional':
      return maskedFromProfessionals && !manifest.authorIds.includes(viewer.nationalId)
        ? 'viewer-access/masked'
        : undefined;
    case 'patient':
      return invisibleToPatient || invisibleToRepresentatives ? 'viewer-access/hidden-from-patient' : undefined;
  }
};

/** What the archive knows as accession numbers of that study: of the manifest, and of the named report itself. */
const accessionNumbersOf = (facts: ReportLinkFacts, link: ReportLink, key: string): ReadonlySet<string> => {
  const known = new Set(studyOf(facts, link.studyInstanceUid)?.accessionNumbers ?? []);
  for (const report of facts.reports.filter(({ documentKey }) => documentKey === key)) {
    const position = report.studies.indexOf(link.studyInstanceUid);
    const pairing = position === -1 ? undefined : pairOrder(report.orders, report.studies, position);
    if (pairing?.kind === 'paired' && pairing.order.accessionNumber !== undefined) {
      known.add(pairing.order.accessionNumber.value);
    }
  }
  // Spaces around a value mean nothing (PS3.5 §6.2, SH).
  return new Set([...known].map((value) => value.trim()).filter((value) => value !== ''));
};

const studyOf = (facts: ReportLinkFacts, studyInstanceUid: string): LinkedStudy | undefined =>
  facts.studies.find((study) => study.studyInstanceUid === studyInstanceUid);

/** Current versions that name the study. */
const currentFor = (facts: ReportLinkFacts, studyInstanceUid: string): readonly LinkedReport[] =>
  facts.reports.filter(({ state, studies }) => state === 'current' && studies.includes(studyInstanceUid));

/** What the link itself says, against the archive. */
const findDisagreement = (facts: ReportLinkFacts, link: ReportLink, key: string): AccessRefusal | undefined => {
  const named = facts.reports.filter(
    ({ documentKey, studies }) => documentKey === key && studies.includes(link.studyInstanceUid),
  );
  if (named.length === 0) return 'viewer-access/report-unknown';
  if (named.every(({ state }) => state === 'deleted')) return 'viewer-access/report-gone';
  if (currentFor(facts, link.studyInstanceUid).length === 0) return 'viewer-access/report-gone';
  const accessionNumbers = accessionNumbersOf(facts, link, key);
  if (accessionNumbers.size === 0) return 'viewer-access/accession-unknown';
  return accessionNumbers.has(link.accessionNumber) ? undefined : 'viewer-access/accession-mismatch';
};

type CheckedStudy =
  | {
      readonly kind: 'open';
      readonly manifest: ServedManifest;
      readonly kosSopInstanceUid: string;
    }
  | AccessRefused;

const refused = (reason: AccessRefusal, ins?: InsIdentifier): AccessRefused => ({
  kind: 'refused',
  reason,
  ...(ins === undefined ? {} : { ins }),
});

const identityOf = ({ patient, identityStatus }: LinkedReport): ArchivedIdentity => ({
  ...patient,
  ...(identityStatus === undefined ? {} : { identityStatus }),
});

const patientOf = (
  study: LinkedStudy,
  [first, ...others]: readonly [LinkedReport, ...LinkedReport[]],
): StudyPatient => ({
  manifest: study.manifestPatient ?? identityOf(first),
  reports: [first, ...others].map(identityOf),
});

/** Only `match` goes on. */
const findDifference = async <Traits>(
  matchIdentity: MatchIdentity<Traits>,
  traits: Traits,
  patient: StudyPatient,
  { studyInstanceUid, ins }: ServedManifest,
): Promise<AccessRefused | undefined> => {
  const answer = await matchIdentity(traits, patient, studyInstanceUid);
  switch (answer.kind) {
    case 'match':
      return undefined;
    case 'mismatch':
      return { ...refused('viewer-access/identity-mismatch', ins), mismatches: answer.reasons ?? [] };
    case 'refused':
      return refused('viewer-access/identity-throttled', ins);
  }
};

/** One study of the report, alike for that of the link and the others. */
const checkStudy = async <Traits>(
  ports: AccessPorts<Traits>,
  facts: ReportLinkFacts,
  studyInstanceUid: string,
  viewer: Viewer<Traits>,
  matchIdentity: MatchIdentity<Traits>,
): Promise<CheckedStudy> => {
  const study = studyOf(facts, studyInstanceUid);
  const kosSopInstanceUid = study?.kosSopInstanceUid;
  if (study === undefined || kosSopInstanceUid === undefined) return refused('viewer-access/not-published');
  const serving = await ports.loadServing(kosSopInstanceUid);
  if (serving.kind === 'refused') return refused(servingRefusals[serving.why]);
  const { manifest } = serving;
  if (manifest.studyInstanceUid !== studyInstanceUid) return refused('viewer-access/not-published');
  const { ins } = manifest;
  const [report, ...reports] = currentFor(facts, studyInstanceUid);
  if (report === undefined) return refused('viewer-access/report-gone', ins);
  const patient = patientOf(study, [report, ...reports]);
  const isOnePatient = [patient.manifest, ...patient.reports].every((one) => isSameIns(one.ins, ins));
  if (!isOnePatient) return refused('viewer-access/other-patient', ins);
  const hiding = findHiding(manifest, viewer);
  if (hiding !== undefined) return refused(hiding, ins);
  if (viewer.kind === 'patient') {
    const differing = await findDifference(matchIdentity, viewer.traits, patient, manifest);
    if (differing !== undefined) return differing;
  }
  return { kind: 'open', manifest, kosSopInstanceUid };
};

/** As many as one page can list. */
const maxOtherStudies = 20;

/**
 * Studies that the current versions name beside that of the link, and that are open to this person. Compared without counting:
 * the person has just been proved to be the patient of the asked one, and did not ask for these.
 */
const findOthers = async <Traits>(
  ports: AccessPorts<Traits>,
  facts: ReportLinkFacts,
  link: ReportLink,
  viewer: Viewer<Traits>,
): Promise<readonly (CheckedStudy & { readonly kind: 'open' })[]> => {
  const beside = currentFor(facts, link.studyInstanceUid).flatMap(({ studies }) => studies);
  const uids = [...new Set(beside)].filter((uid) => uid !== link.studyInstanceUid).slice(0, maxOtherStudies);
  const compare: MatchIdentity<Traits> = (traits, patient) => Promise.resolve(ports.compareIdentity(traits, patient));
  const checked = [];
  for (const uid of uids) checked.push(await checkStudy(ports, facts, uid, viewer, compare));
  return checked.filter((one) => one.kind === 'open');
};

/**
 * Decides what a link opens to a person who has signed in.
 *
 * @throws store/unavailable; kos/*: the bytes of an imported manifest cannot be read
 */
export const decideAccess = async <Traits>(
  ports: AccessPorts<Traits>,
  link: ReportLink,
  viewer: Viewer<Traits>,
): Promise<AccessDecision> => {
  const reportKey = documentIdKey(link.reportId);
  const facts = await ports.loadReportLink({ studyInstanceUid: link.studyInstanceUid, documentKey: reportKey });
  const disagreement = findDisagreement(facts, link, reportKey);
  if (disagreement !== undefined) return refused(disagreement);
  const asked = await checkStudy(ports, facts, link.studyInstanceUid, viewer, ports.matchIdentity);
  if (asked.kind === 'refused') return asked;
  if (link.seriesInstanceUid !== undefined && !asked.manifest.series.has(link.seriesInstanceUid)) {
    return refused('viewer-access/series-unknown', asked.manifest.ins);
  }
  const others = await findOthers(ports, facts, link, viewer);
  const granted = ({ manifest, kosSopInstanceUid }: CheckedStudy & { readonly kind: 'open' }): GrantedStudy => ({
    studyInstanceUid: manifest.studyInstanceUid,
    kosSopInstanceUid,
    ins: manifest.ins,
  });
  // A report names one patient: another study of another patient would be a fault of the archive.
  const alike = others.filter(({ manifest }) => isSameIns(manifest.ins, asked.manifest.ins));
  return { kind: 'granted', studies: [granted(asked), ...alike.map(granted)] };
};

export type GrantCheck =
  | { readonly kind: 'open'; readonly manifest: ServedManifest; readonly kosSopInstanceUid: string }
  | { readonly kind: 'refused'; readonly reason: AccessRefusal };

/**
 * Whether a grant still opens its study: the current flags, at each call (decision E5). The manifest may be another one than
 * when it was granted; the patient may not.
 *
 * @throws store/unavailable; kos/*
 */
export const checkGrant = async <Traits>(
  ports: Pick<AccessPorts<Traits>, 'findStandingManifest' | 'loadServing'>,
  grant: OpenedStudy,
  viewer: Viewer<Traits>,
): Promise<GrantCheck> => {
  const kosSopInstanceUid = await ports.findStandingManifest(grant.studyInstanceUid);
  if (kosSopInstanceUid === undefined) return refused('viewer-access/not-published');
  const serving = await ports.loadServing(kosSopInstanceUid);
  if (serving.kind === 'refused') return refused(servingRefusals[serving.why]);
  const { manifest } = serving;
  if (manifest.studyInstanceUid !== grant.studyInstanceUid) return refused('viewer-access/not-published');
  if (!isSameIns(manifest.ins, grant.ins)) return refused('viewer-access/other-patient');
  const hiding = findHiding(manifest, viewer);
  return hiding === undefined ? { kind: 'open', manifest, kosSopInstanceUid } : refused(hiding);
};
