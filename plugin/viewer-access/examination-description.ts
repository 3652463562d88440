/**
 * What the page of an examination is told of it: who the patient is, what there is to see, and where.
 *
 * The shape is `ExaminationDescription` of viewer/src/description.ts: paths of this host, times in UTC milliseconds.
 */
import type { ArchivedExamination, ArchivedSeries, ServedManifest } from '../archive/index.ts';
import { findSeriesContent, SeriesContent } from './series-content.ts';

export interface DescribedPerson {
  readonly kind: 'patient' | 'professional';
  /** As the screens show a professional. */
  readonly name: string;
}

export interface DescriptionFacts {
  readonly examination: ArchivedExamination;
  readonly manifest: ServedManifest;
  readonly person: DescribedPerson;
  /** `/examen/{grant}` */
  readonly basePath: string;
  readonly downloadBytes: number;
  readonly softwareVersion: string;
  /** For the form that signs out. */
  readonly formToken: string;
  /** Of a report: to sign in again. */
  readonly linkPath: string;
  readonly endsAtUtcMs: number;
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

const seriesOf = ({ examination, manifest, basePath }: DescriptionFacts): readonly object[] =>
  [...manifest.series.keys()].flatMap((uid, at) => {
    const series = examination.series.find(({ seriesInstanceUid }) => seriesInstanceUid === uid);
    if (series === undefined) return [];
    const { seriesInstanceUid, modality, frames: imageCount, sopClassUids } = series;
    const content = findSeriesContent(sopClassUids);
    const preview = content === SeriesContent.images ? { previewPath: `${basePath}/apercu/${at + 1}.jpg` } : {};
    return [{ seriesInstanceUid, title: titleOf(series), modality, content, imageCount, ...preview, sopClassUids }];
  });

/** Plain values, for `application/json`. Identity: not to be stored, never to be logged. */
export const describeExamination = (facts: DescriptionFacts): object => {
  const { examination, manifest, person, basePath, downloadBytes, softwareVersion } = facts;
  const { description, institution } = examination.study;
  const date = dateOf(examination.study.date);
  return {
    softwareVersion,
    patient: patientOf(examination),
    person: person.kind === 'patient' ? { kind: 'patient' } : { kind: 'professional', name: person.name },
    studies: [
      {
        studyInstanceUid: manifest.studyInstanceUid,
        title: description || 'Examen d’imagerie',
        ...(date === '' ? {} : { date }),
        ...(institution === '' ? {} : { place: institution }),
        downloadPath: `${basePath}/images.zip`,
        downloadBytes,
        series: seriesOf(facts),
      },
    ],
    dicomWebPath: `${basePath}/dicomweb`,
    signOut: { path: '/deconnexion', csrfField: 'jeton', csrfToken: facts.formToken },
    linkPath: facts.linkPath,
    endsAtUtcMs: facts.endsAtUtcMs,
  };
};
