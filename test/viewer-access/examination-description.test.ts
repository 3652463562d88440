/** What the page is told of an examination, read as the page reads it. All invented. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ArchivedExamination, ArchivedSeries, ServedManifest } from '../../plugin/archive/index.ts';
import { parseInsIdentifier } from '../../plugin/standards/index.ts';
import {
  type DescribedStudy,
  describeExamination,
  type DescriptionFacts,
  findFirstPreview,
  type OpenedLink,
} from '../../plugin/viewer-access/index.ts';
import { type ExaminationDescription, parseDescription } from '../../viewer/src/description.ts';

const ctClass = '1.2.840.10008.5.1.4.1.1.2';
const uidOf = (number: number): string => `1.2.250.1.999999.2.${number}`;
const seriesOf = (number: number, changes: Partial<ArchivedSeries> = {}): ArchivedSeries => ({
  seriesInstanceUid: uidOf(number),
  modality: 'CT',
  seriesNumber: `${number}`,
  description: `Série axiale ${number}`,
  frames: 10 * number,
  sopClassUids: [ctClass],
  ...changes,
});

const patient: ArchivedExamination['patient'] = {
  ins: { value: '285037512345691', oid: '1.2.250.1.213.1.4.10' },
  birthFamilyName: 'EXEMPLE',
  firstBirthGivenName: 'CAMILLE',
  birthGivenNames: 'CAMILLE INÈS',
  usedFamilyName: 'MODÈLE',
  birthDate: '19850321',
  sex: 'F',
  birthPlace: '75112',
};
const examination: ArchivedExamination = {
  patient,
  study: { date: '20260115', description: 'Scanner du thorax', institution: 'Centre Exemple' },
  series: [seriesOf(1), seriesOf(2)],
};
const manifestOf = (numbers: readonly number[]): ServedManifest => ({
  submissionId: 1,
  studyInstanceUid: '1.2.250.1.999999.1',
  ins: parseInsIdentifier(patient.ins.value, patient.ins.oid),
  structureId: '1999999991',
  series: new Map(
    numbers.map((number) => [uidOf(number), [{ sopInstanceUid: `${uidOf(number)}.1`, sopClassUid: ctClass }]]),
  ),
  restrictions: { maskedFromProfessionals: false, invisibleToPatient: false, invisibleToRepresentatives: false },
  authorIds: [],
});

const described = (changes: Partial<DescribedStudy> = {}): DescribedStudy => ({
  examination,
  manifest: manifestOf([1, 2]),
  number: 1,
  downloadBytes: 123_456,
  ...changes,
});
const facts = (changes: Partial<DescriptionFacts> = {}): DescriptionFacts => ({
  studies: [described()],
  person: { kind: 'professional', name: 'Élise RADIO – Médecin' },
  basePath: '/examen/grant-exemple',
  softwareVersion: '0.0.1',
  formToken: 'jeton-exemple',
  linkPath: '/IHEInvokeImageDisplay?requestType=STUDY',
  endsAtUtcMs: 1_800_000_000_000,
  idleMs: 1_800_000,
  ...changes,
});
/** By way of JSON, as the page gets it. */
const page = (given: DescriptionFacts): ExaminationDescription =>
  parseDescription(JSON.parse(JSON.stringify(describeExamination(given))));
const withPatient = (changes: Partial<ArchivedExamination['patient']>): ExaminationDescription['patient'] =>
  page(facts({ studies: [described({ examination: { ...examination, patient: { ...patient, ...changes } } })] }))
    .patient;
const withStudy = (
  changes: Partial<ArchivedExamination['study']>,
): ExaminationDescription['studies'][number] | undefined =>
  page(
    facts({ studies: [described({ examination: { ...examination, study: { ...examination.study, ...changes } } })] }),
  ).studies[0];

describe('the description of an examination', () => {
  it('is what the page takes, and the page loses nothing of it', () => {
    const sent: unknown = JSON.parse(JSON.stringify(describeExamination(facts())));
    expect(parseDescription(sent)).toEqual(sent);
    expect(sent).toMatchObject({
      patient: { birthName: 'EXEMPLE', firstGivenName: 'CAMILLE', birthDate: '1985-03-21', sex: 'female' },
      studies: [{ title: 'Scanner du thorax', date: '2026-01-15', place: 'Centre Exemple' }],
      signOut: { path: '/deconnexion', csrfField: 'jeton', csrfToken: 'jeton-exemple' },
    });
  });

  it('names no series that the manifest does not serve, and its pictures are those of that very series (E1)', () => {
    const told = { ...examination, series: [seriesOf(1), seriesOf(2), seriesOf(3)] };
    const given = facts({ studies: [described({ examination: told, manifest: manifestOf([3, 1]) })] });
    expect(page(given).studies[0]?.series).toMatchObject([
      { seriesInstanceUid: uidOf(3), previewPath: `/examen/grant-exemple/apercu/${uidOf(3)}.jpg`, imageCount: 30 },
      { seriesInstanceUid: uidOf(1), previewPath: `/examen/grant-exemple/apercu/${uidOf(1)}.jpg`, imageCount: 10 },
    ]);
    expect(JSON.stringify(describeExamination(given))).not.toContain(uidOf(2));
  });

  it('promises a picture only of images: a report, a film, a PDF has none', () => {
    const root = '1.2.840.10008.5.1.4.1.1.';
    const classes = ['2', '88.11', '77.1.4.1', '104.1'].map((arcs) => root + arcs);
    const series = classes.map((sopClass, at) => seriesOf(at + 1, { sopClassUids: [sopClass] }));
    const kinds = { ...examination, series };
    const given = facts({ studies: [described({ examination: kinds, manifest: manifestOf([1, 2, 3, 4]) })] });
    const told = page(given).studies[0]?.series.map(({ content, previewPath }) => [content, previewPath]);
    expect(told).toEqual([
      ['images', `/examen/grant-exemple/apercu/${uidOf(1)}.jpg`],
      ['objects', undefined],
      ['video', undefined],
      ['document', undefined],
    ]);
  });

  it('names exactly what both know, whatever they know', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 9 }));
    fc.assert(
      fc.property(numbers, numbers, (told, served) => {
        const known = { ...examination, series: told.map((number) => seriesOf(number)) };
        const given = facts({ studies: [described({ examination: known, manifest: manifestOf(served) })] });
        const named = page(given).studies[0]?.series.map((one) => [one.seriesInstanceUid, one.previewPath]);
        const expected = served.flatMap((number) =>
          told.includes(number) ? [[uidOf(number), `/examen/grant-exemple/apercu/${uidOf(number)}.jpg`]] : [],
        );
        expect(named).toEqual(expected);
      }),
    );
  });

  it('keeps everything under its own grant, on this host', () => {
    const { dicomWebPath, studies } = page(facts({ studies: [described(), described({ number: 2 })] }));
    const paths = [
      dicomWebPath,
      ...studies.flatMap(({ downloadPath, series }) => [downloadPath, ...series.map((one) => one.previewPath)]),
    ];
    expect(paths.every((one) => one?.startsWith('/examen/grant-exemple/'))).toBe(true);
  });

  it.each([
    ['19850321', '1985-03-21'],
    ['19850300', '1985-03'],
    ['19850000', '1985'],
    ['198503', '1985-03'],
    ['1985', '1985'],
    ['00000000', ''],
    ['', ''],
  ])('leaves out what is not known of a date of birth: %s is %j', (birthDate, shown) => {
    expect(withPatient({ birthDate }).birthDate).toBe(shown);
  });

  it.each(['', '00000000', 'inconnue'])('has no date of examination where there is none: %j', (date) => {
    expect(withStudy({ date })).not.toHaveProperty('date');
  });

  it.each([
    ['F', 'female'],
    ['M', 'male'],
    ['U', 'unknown'],
    ['', 'unknown'],
  ])('says sex %j as %s', (sex, shown) => {
    expect(withPatient({ sex }).sex).toBe(shown);
  });

  it('gives what is shown on demand in one order, and nothing empty', () => {
    const { usedFamilyName: _u, birthPlace: _p, ...bare } = patient;
    expect(withPatient({}).further).toEqual([
      { label: 'Prénoms de naissance', value: 'CAMILLE INÈS' },
      { label: 'Nom utilisé', value: 'MODÈLE' },
      { label: 'Matricule INS', value: '285037512345691 (1.2.250.1.213.1.4.10)' },
    ]);
    const scarce = { ...examination, patient: { ...bare, birthGivenNames: '' } };
    const told = page(facts({ studies: [described({ examination: scarce })] }));
    expect(told.patient.further.map(({ label }) => label)).toEqual(['Matricule INS']);
    expect(told.patient).not.toHaveProperty('birthPlace');
  });

  it('names a study and its series even where the PACS does not', () => {
    const series = [
      seriesOf(1, { description: '' }),
      seriesOf(2, { description: '', seriesNumber: '', modality: 'US' }),
    ];
    const study = { date: '', description: '', institution: '' };
    const [told] = page(facts({ studies: [described({ examination: { patient, study, series } })] })).studies;
    expect(told?.title).toBe('Examen d’imagerie');
    expect(told?.series.map(({ title }) => title)).toEqual(['Série 1 (CT)', 'Série US']);
    expect(told).not.toHaveProperty('place');
  });

  it('has every study of the report, each with addresses of its own', () => {
    const other = described({ number: 2, manifest: { ...manifestOf([2]), studyInstanceUid: '1.2.250.1.999999.7' } });
    const { studies } = page(facts({ studies: [described(), other] }));
    expect(studies).toMatchObject([
      { downloadPath: '/examen/grant-exemple/images.zip' },
      {
        studyInstanceUid: '1.2.250.1.999999.7',
        downloadPath: '/examen/grant-exemple/images.zip?examen=2',
        series: [{ previewPath: `/examen/grant-exemple/apercu/${uidOf(2)}.jpg?examen=2` }],
      },
    ]);
  });

  it('has no download where there is nothing to take, and shows the rest', () => {
    const { downloadBytes: _, ...without } = described();
    const [told] = page(facts({ studies: [without] })).studies;
    expect(told).not.toHaveProperty('downloadBytes');
    expect(told?.series).toHaveLength(2);
  });

  it('has its first picture under way with the page: that of the series the page shows first', () => {
    const [ct, film] = [ctClass, '1.2.840.10008.5.1.4.1.1.77.1.4.1'];
    const opened = (classes: readonly string[], seriesInstanceUid?: string): OpenedLink<never> => {
      const objects = (sopClassUid: string, at: number) => [{ sopInstanceUid: uidOf(90 + at), sopClassUid }];
      const series = new Map(classes.map((sopClass, at) => [uidOf(at + 1), objects(sopClass, at)]));
      const one = (number: number) => ({ manifest: { ...manifestOf([]), series }, number });
      const link = { examinations: [one(1), one(2)], basePath: '/examen/g' };
      return { ...link, ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }) } as never;
    };
    expect(findFirstPreview(opened([film, ct]))).toBe(`/examen/g/apercu/${uidOf(2)}.jpg`);
    expect(findFirstPreview(opened([ct, ct], uidOf(2)))).toBe(`/examen/g/apercu/${uidOf(2)}.jpg`);
    expect(findFirstPreview(opened([ct, film], uidOf(2)))).toBeUndefined();
    expect(findFirstPreview(opened([film]))).toBeUndefined();
    expect(findFirstPreview(opened([ct], uidOf(9)))).toBe(`/examen/g/apercu/${uidOf(1)}.jpg`);
  });

  it('tells which series the link names', () => {
    expect(page(facts({ seriesInstanceUid: uidOf(2) })).firstSeriesInstanceUid).toBe(uidOf(2));
    expect(page(facts())).not.toHaveProperty('firstSeriesInstanceUid');
  });

  it('tells a patient nothing of a name: it is the one on the banner', () => {
    expect(page(facts({ person: { kind: 'patient', name: 'CAMILLE EXEMPLE' } })).person).toEqual({ kind: 'patient' });
  });
});
