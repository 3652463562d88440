/**
 * What the page is told of what a link opened: who the patient is, what there is to see, and where.
 *
 * The shape is `ExaminationDescription` of viewer/src/description.ts: paths of this host, times in UTC milliseconds.
 */
import type { ArchivedExamination, ArchivedSeries, ServedManifest } from '../archive/index.ts';
import type { OpenedLink } from './entry-ports.ts';
import { findSeriesContent, SeriesContent } from './series-content.ts';

export interface DescribedPerson {
  readonly kind: 'patient' | 'professional';
  /** As the screens show a professional. */
  readonly name: string;
}

export interface DescribedStudy {
  readonly examination: ArchivedExamination;
  readonly manifest: ServedManifest;
  /** Its place in the grant, from 1. */
  readonly number: number;
  /** Absent: there is nothing to download now. */
  readonly downloadBytes?: number;
}

export interface DescriptionFacts {
  /** Of one patient. */
  readonly studies: readonly [DescribedStudy, ...DescribedStudy[]];
  /** To show first. */
  readonly seriesInstanceUid?: string;
  readonly person: DescribedPerson;
  /** `/examen/{grant}` */
  readonly basePath: string;
  readonly softwareVersion: string;
  /** For the form that signs out. */
  readonly formToken: string;
  /** Of a report: to sign in again. */
  readonly linkPath: string;
  readonly endsAtUtcMs: number;
  /** Without use the session ends after so long. */
  readonly idleMs: number;
}

const sexes: Readonly<Record<string, 'female' | 'male'>> = { F: 'female', M: 'male' };

/** `YYYYMMDD` with unknown parts left out; '' when nothing of it is known. */
const dateOf = (digits: string): string => {
  const [, year = '0000', month = '00', day = '00'] = /^(\d{4})(\d{2})?(\d{2})?/.exec(digits) ?? [];
  if (year === '0000') return '';
  if (month === '00') return year;
  return day === '00' ? `${year}-${month}` : `${year}-${month}-${day}`;
};

const patientOf = ({ patient }: ArchivedExamination): object => {
  const { ins, birthFamilyName, firstBirthGivenName, birthGivenNames, usedFamilyName, birthPlace } = patient;
  const further = [
    { label: 'Prénoms de naissance', value: birthGivenNames },
    { label: 'Nom utilisé', value: usedFamilyName ?? '' },
    { label: 'Matricule INS', value: `${ins.value} (${ins.oid})` },
  ];
  return {
    birthName: birthFamilyName,
    firstGivenName: firstBirthGivenName,
    birthDate: dateOf(patient.birthDate),
    sex: sexes[patient.sex] ?? 'unknown',
    ...(birthPlace === undefined ? {} : { birthPlace }),
    further: further.filter(({ value }) => value !== ''),
  };
};

const titleOf = ({ description, modality, seriesNumber }: ArchivedSeries): string => {
  if (description !== '') return description;
  return seriesNumber === '' ? `Série ${modality}` : `Série ${seriesNumber} (${modality})`;
};

/** Nothing for the first one: its addresses are the plain ones. */
const choiceOf = (number: number): string => (number === 1 ? '' : `?examen=${number}`);

const previewPathOf = (basePath: string, seriesInstanceUid: string, number: number): string =>
  `${basePath}/apercu/${seriesInstanceUid}.jpg${choiceOf(number)}`;

/** The picture that the page shows first: it may be on its way before the page has asked. */
export const findFirstPreview = <Traits>(link: OpenedLink<Traits>): string | undefined => {
  const { examinations, basePath, seriesInstanceUid } = link;
  const all = examinations.flatMap(({ manifest, number }) =>
    [...manifest.series].map(([uid, objects]) => ({
      uid,
      path: previewPathOf(basePath, uid, number),
      hasImages: findSeriesContent(objects.map(({ sopClassUid }) => sopClassUid)) === SeriesContent.images,
    })),
  );
  const first = all.find(({ uid }) => uid === seriesInstanceUid) ?? all.find(({ hasImages }) => hasImages);
  return first?.hasImages === true ? first.path : undefined;
};

const seriesOf = ({ examination, manifest, number }: DescribedStudy, basePath: string): readonly object[] =>
  [...manifest.series.keys()].flatMap((uid) => {
    const series = examination.series.find(({ seriesInstanceUid }) => seriesInstanceUid === uid);
    if (series === undefined) return [];
    const { seriesInstanceUid, modality, frames: imageCount, sopClassUids } = series;
    const content = findSeriesContent(sopClassUids);
    const preview =
      content === SeriesContent.images ? { previewPath: previewPathOf(basePath, seriesInstanceUid, number) } : {};
    return [{ seriesInstanceUid, title: titleOf(series), modality, content, imageCount, ...preview, sopClassUids }];
  });

const studyOf = (study: DescribedStudy, basePath: string): object => {
  const { examination, manifest, number, downloadBytes } = study;
  const { description, institution } = examination.study;
  const date = dateOf(examination.study.date);
  return {
    studyInstanceUid: manifest.studyInstanceUid,
    title: description || 'Examen d’imagerie',
    ...(date === '' ? {} : { date }),
    ...(institution === '' ? {} : { place: institution }),
    downloadPath: `${basePath}/images.zip${choiceOf(number)}`,
    ...(downloadBytes === undefined ? {} : { downloadBytes }),
    series: seriesOf(study, basePath),
  };
};

/** Plain values, for `application/json`. Identity: not to be stored, never to be logged. */
export const describeExamination = (facts: DescriptionFacts): object => {
  const { studies, seriesInstanceUid, person, basePath, softwareVersion } = facts;
  return {
    softwareVersion,
    patient: patientOf(studies[0].examination),
    person: person.kind === 'patient' ? { kind: 'patient' } : { kind: 'professional', name: person.name },
    studies: studies.map((study) => studyOf(study, basePath)),
    ...(seriesInstanceUid === undefined ? {} : { firstSeriesInstanceUid: seriesInstanceUid }),
    dicomWebPath: `${basePath}/dicomweb`,
    signOut: { path: '/deconnexion', csrfField: 'jeton', csrfToken: facts.formToken },
    linkPath: facts.linkPath,
    endsAtUtcMs: facts.endsAtUtcMs,
    idleMs: facts.idleMs,
  };
};
