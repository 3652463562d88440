/**
 * A site whose studies are all that a link may lead to, and everybody who may come: who opened what before it was held,
 * hidden, masked, deleted or rejected, and whose session has ended since, each in another way. Everything is invented.
 */
import { randomBytes } from 'node:crypto';
import { buildCtStudy, type InventedInstance, type InventedPatient } from '../fixtures/dicom/index.ts';
import { buildExamination, examinationStudy, type ExaminationOptions } from '../fixtures/examination.ts';
import { type Persona, personas, subjectOf } from '../peers/psc/index.ts';
import { Visitor, type Visitors, type VisitService } from '../peers/visitors/index.ts';
import type { FlowSite } from './flow-site.ts';
import { buildNote, buildReplacement, buildReportDeletion } from './report-story.ts';
import { linkPathOf, startVisitedSite } from './visited-site.ts';

/** Why it is there → number of the study. Study 2 is of the twin sister, all others of Camille. */
export const studyNumbers = {
  own: 1,
  twins: 2,
  unopened: 3,
  held: 4,
  hidden: 5,
  masked: 6,
  deleted: 7,
  rejected: 8,
} as const;
export type StudyName = keyof typeof studyNumbers;
export const studyNames = Object.keys(studyNumbers) as StudyName[];

/** How many images of a study; the first one of `rejected` is rejected. */
const imagesPerSeries = 3;

const twinPatient: InventedPatient = {
  ...examinationStudy(studyNumbers.twins).patient,
  id: 'IPP-0077',
  name: 'EXEMPLE^CHARLOTTE',
};
const twinIns = '285037512345790';

const aboutTwin: Pick<ExaminationOptions, 'cda' | 'message'> = {
  cda: {
    patient: {
      ins: [{ value: twinIns, oid: '1.2.250.1.213.1.4.10' }],
      localIds: [{ value: twinPatient.id, issuerOid: twinPatient.issuerOid ?? '' }],
      firstBirthGivenName: 'CHARLOTTE',
      birthGivenNames: 'CHARLOTTE INÈS',
      usedGivenName: 'CHARLOTTE',
    },
  },
  message: {
    patient: {
      ins: twinIns,
      ipp: twinPatient.id,
      ...(twinPatient.issuerOid === undefined ? {} : { ippOid: twinPatient.issuerOid }),
      firstBirthGivenName: 'CHARLOTTE',
      birthGivenNames: 'CHARLOTTE INÈS',
      birthDate: '19850321',
      sex: 'F',
      birthPlace: '75112',
    },
  },
};

export interface IsolationStudy {
  readonly studyUid: string;
  readonly seriesUid: string;
  /** Objects of that series; more series follow. */
  readonly instances: readonly InventedInstance[];
  readonly accessionNumber: string;
  readonly documentId: string;
  /** Path and query of the link. */
  readonly link: string;
}

const describeStudy = (name: StudyName): IsolationStudy & { readonly message: Uint8Array } => {
  const number = studyNumbers[name];
  const study = { ...examinationStudy(number), ...(name === 'twins' ? { patient: twinPatient } : {}) };
  const { message, documentId } = buildExamination({ number, ...(name === 'twins' ? aboutTwin : {}) });
  const instances = buildCtStudy({ number, seriesCount: 2, instancesPerSeries: imagesPerSeries, study });
  return {
    studyUid: study.studyInstanceUid,
    seriesUid: instances[0]?.seriesInstanceUid ?? '',
    instances,
    accessionNumber: study.accessionNumber,
    documentId,
    link: linkPathOf({ number, documentId }),
    message,
  };
};

export const studies = Object.fromEntries(studyNames.map((name) => [name, describeStudy(name)])) as unknown as Readonly<
  Record<StudyName, IsolationStudy & { readonly message: Uint8Array }>
>;

/** What no refusal may say: of every patient, every study, every report. */
export const tellingTexts: readonly string[] = [
  ...['EXEMPLE', 'CAMILLE', 'CHARLOTTE', 'Camille', 'Charlotte', 'IPP-00', '28503751234', '19850321', '1985-03'],
  ...studyNames.flatMap((name) => [
    studies[name].studyUid,
    studies[name].documentId,
    `"${studies[name].accessionNumber}"`,
  ]),
];

/** Somebody with one browser. */
export interface Role {
  readonly visitor: Visitor;
  readonly kind: 'nobody' | 'patient' | 'professional';
  /** Header `Cookie` with which this role comes; null: none. */
  readonly cookies: string | null;
  /** Its session is there, and open. */
  readonly isAlive: boolean;
  /** What this very browser opened in that session. */
  readonly grants: ReadonlyMap<StudyName, string>;
}

export const roleNames = [
  'nobody',
  'a made-up cookie',
  'a browser before sign-in',
  'an idle session',
  'a session past its end',
  'a signed-out session',
  'a session ended by Pro Santé Connect',
  'a cookie replaced at the next sign-in',
  'the patient before her twin came',
  'the patient',
  'the patient in another browser',
  'the twin sister',
  'the twin in the browser of the patient',
  'the professional',
  'another professional',
  'a professional who has not chosen a situation',
] as const;
export type RoleName = (typeof roleNames)[number];

/** Whether somebody who opened it may still look: what became of the study since. */
export const isOpenTo = (name: StudyName, { kind }: Pick<Role, 'kind'>): boolean =>
  ({
    own: true,
    twins: true,
    unopened: true,
    rejected: true,
    held: false,
    deleted: false,
    hidden: kind === 'professional',
    masked: kind === 'patient',
  })[name];

const grantIn = (location: string | undefined): string => {
  const grant = /^\/examen\/([A-Za-z0-9_-]{43})$/.exec(location ?? '')?.[1];
  if (grant === undefined) throw new Error(`nothing was opened: ${location ?? 'no location'}`);
  return grant;
};

export interface IsolationSite {
  readonly flow: FlowSite;
  readonly visitors: Visitors;
  readonly roles: ReadonlyMap<RoleName, Role>;
  stop(): Promise<void>;
}

type People = Map<RoleName, Role>;

/** Comes, signs in, opens one study after the other. */
const open = async (
  origin: string,
  service: VisitService,
  persona: string,
  names: readonly [StudyName, ...StudyName[]],
): Promise<Role> => {
  const visitor = new Visitor(origin);
  const grants = new Map<StudyName, string>();
  const [first, ...others] = names;
  grants.set(first, grantIn((await visitor.comeAs(service, persona, studies[first].link)).headers.location));
  for (const name of others) grants.set(name, grantIn((await visitor.follow(studies[name].link)).headers.location));
  const kind = service === 'psc' ? 'professional' : 'patient';
  return { visitor, kind, cookies: visitor.cookies ?? null, isAlive: true, grants };
};

const over = (role: Role): Role => ({ ...role, isAlive: false });

/** Those whose study changes under their eyes come before it does. */
const comeBefore = async (origin: string, people: People): Promise<void> => {
  const camille = ['own', 'held', 'hidden', 'masked', 'deleted', 'rejected'] as const;
  people.set('the patient', await open(origin, 'franceconnect', 'camille', camille));
  people.set('the patient in another browser', await open(origin, 'franceconnect', 'camille', ['own']));
  people.set('the twin sister', await open(origin, 'franceconnect', 'twin', ['twins']));
  people.set('the professional', await open(origin, 'psc', 'doctor', ['twins', ...camille]));
  people.set('another professional', await open(origin, 'psc', 'radiologist', ['own']));
};

/** Time goes by for whoever came last. */
const ageLatest = (column: string, ms: number): string =>
  `UPDATE viewer_session SET ${column} = ${column} - ${ms} WHERE id = (SELECT max(id) FROM viewer_session)`;

/** Those who have no session, or no longer the one they opened something in. */
const comeAfter = async (flow: FlowSite, visitors: Visitors, people: People): Promise<void> => {
  const { origin } = visitors;
  const link = studies.own.link;
  const without = (cookies: string | null): Role => ({
    visitor: new Visitor(origin),
    kind: 'nobody',
    cookies,
    isAlive: false,
    grants: new Map(),
  });
  people.set('nobody', without(null));
  people.set('a made-up cookie', without(`__Host-drimbox=${randomBytes(32).toString('base64url')}`));
  const early = without(null);
  await early.visitor.ask(link);
  const mark = early.visitor.cookie('__Host-drimbox-browser') ?? '';
  people.set('a browser before sign-in', {
    ...early,
    cookies: `__Host-drimbox-browser=${mark}; __Host-drimbox=${mark}`,
  });

  const age = async (column: string, ms: number): Promise<Role> => {
    const role = await open(origin, 'franceconnect', 'camille', ['own']);
    await flow.postgres?.run(ageLatest(column, ms), 'drimbox');
    return over(role);
  };
  people.set('an idle session', await age('seen_at_utc_ms', 30 * 60_000));
  people.set('a session past its end', await age('ends_at_utc_ms', 240 * 60_000));

  const leaving = await open(origin, 'franceconnect', 'camille', ['own']);
  await leaving.visitor.signOut(link);
  people.set('a signed-out session', over(leaving));

  const ended = await open(origin, 'psc', 'pharmacist', ['own']);
  await endAtProvider(visitors, ended, personas.pharmacist);
  people.set('a session ended by Pro Santé Connect', over(ended));

  const former = await open(origin, 'franceconnect', 'camille', ['own']);
  await former.visitor.comeAs('franceconnect', 'camille', link);
  people.set('a cookie replaced at the next sign-in', over(former));

  const lent = await open(origin, 'franceconnect', 'camille', ['own', 'rejected']);
  const taken = await lent.visitor.comeAs('franceconnect', 'twin', studies.twins.link);
  const twins = new Map([['twins', grantIn(taken.headers.location)] as const]);
  people.set('the twin in the browser of the patient', {
    ...lent,
    cookies: lent.visitor.cookies ?? null,
    grants: twins,
  });
  people.set('the patient before her twin came', over(lent));

  const undecided = new Visitor(origin);
  await undecided.comeAs('psc', 'several', link);
  const cookies = undecided.cookies ?? null;
  const choosing: Role = { visitor: undecided, kind: 'professional', cookies, isAlive: true, grants: new Map() };
  people.set('a professional who has not chosen a situation', choosing);
};

/** By the back channel: all sessions of that person. */
const endAtProvider = async ({ psc }: Visitors, { visitor }: Role, persona: Persona): Promise<void> => {
  const seconds = Math.floor(Date.now() / 1000);
  const claims = {
    ...{ iss: psc.issuer, aud: 'drimbox-vi-exemple', sub: subjectOf(persona), jti: crypto.randomUUID() },
    ...{ iat: seconds, exp: seconds + 120, events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
  };
  const token = await psc.signToken(claims, { typ: 'logout+jwt' });
  const order = { method: 'POST', cookies: null, body: `logout_token=${token}` } as const;
  const { status } = await visitor.ask('/connexion/psc/fin', order);
  if (status !== 200) throw new Error(`Pro Santé Connect was not believed: ${status}`);
};

/** What becomes of the studies that were opened. */
const changeStudies = async (flow: FlowSite): Promise<void> => {
  const { held, hidden, masked, deleted, rejected } = studyNumbers;
  await flow.accepts(buildReplacement(hidden, 2, { message: { flags: { INVISIBLE_PATIENT: 'Y' } } }));
  await flow.accepts(buildReplacement(masked, 2, { message: { flags: { MASQUE_PS: 'Y' } } }));
  await flow.accepts(buildReportDeletion(deleted, 1));
  const [wrong] = studies.rejected.instances;
  if (wrong === undefined) throw new Error('no image');
  await flow.keep([buildNote(rejected, '113037', [wrong])]);
  // The same StudyInstanceUID under two PatientIDs (decision A5).
  const stranger = { ...examinationStudy(held).patient, id: 'IPP-0043' };
  await flow.keep(buildCtStudy({ number: held, study: { ...examinationStudy(held), patient: stranger } }));
  await flow.reaches(studies.held.studyUid, 'held', 'publication/study-duplicated');
  await flow.reaches(studies.deleted.studyUid, 'retired');
  await flow.writes(studies.rejected.studyUid, ['Deprecated 6', 'Approved 5']);
};

/** What every refusal of a link takes. */
export const refusalMs = 150;

export const startIsolationSite = async (): Promise<IsolationSite> => {
  // Limits that a whole matrix of one address would meet are high; those of the time of a refusal are low.
  const { flow, visitors, stop } = await startVisitedSite({
    // Its rows can be looked at, and made older.
    store: 'postgres',
    viewer: { Throttle: { RequestsPerMinute: 100_000, RefusalsPerHour: 10_000, RefusalMs: refusalMs } },
    signIn: {
      Sessions: {
        SessionsPerPerson: 50,
        AttemptsPerMinute: 10_000,
        FailedMatchesPerPerson: 100,
        FailedMatchesPerStudy: 1_000,
      },
    },
  });
  for (const name of studyNames) await flow.keep(studies[name].instances);
  for (const name of studyNames) await flow.accepts(studies[name].message);
  for (const name of studyNames) await flow.reaches(studies[name].studyUid, 'published');
  const roles: People = new Map();
  await comeBefore(visitors.origin, roles);
  await changeStudies(flow);
  await comeAfter(flow, visitors, roles);
  return {
    flow,
    visitors,
    roles,
    stop: async () => {
      for (const { visitor } of roles.values()) visitor.close();
      await stop();
    },
  };
};
