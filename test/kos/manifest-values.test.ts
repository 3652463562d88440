import { describe, expect, test } from 'vitest';
import { buildManifest, manifestRemarks, parseManifest, type ManifestContent } from '../../plugin/kos/index.ts';
import { nameTexts, readWithDcmjs, valuesAt } from '../fixtures/kos/dcmjs-reading.ts';
import {
  inventContent,
  inventInstances,
  inventManifestSeries,
  inventStamp,
} from '../fixtures/kos/invented-manifest.ts';

const content = inventContent();
const withPatient = (changes: Partial<ManifestContent['patient']>): ManifestContent =>
  inventContent({ patient: { ...content.patient, ...changes } });
const withStudy = (changes: Partial<ManifestContent['study']>): ManifestContent =>
  inventContent({ study: { ...content.study, ...changes } });
/** As dcmjs reads it. */
const dataset = (from: ManifestContent) => readWithDcmjs(buildManifest(from, inventStamp()));

describe('patient', () => {
  test.each([
    ['no used name', {}, ['^AMÉLIE ROSE-ANNE']],
    ['used family name', { usedFamilyName: 'MODÈLE' }, ['^AMÉLIE ROSE-ANNE', 'MODÈLE']],
    ['used given name', { usedGivenName: 'ROSE' }, ['^AMÉLIE ROSE-ANNE', '^ROSE']],
    ['both', { usedFamilyName: 'MODÈLE', usedGivenName: 'ROSE' }, ['^AMÉLIE ROSE-ANNE', 'MODÈLE^ROSE']],
  ])('OtherPatientNames holds the birth given names, then the used name: %s', (_, used, names) => {
    const { usedFamilyName: _family, usedGivenName: _given, ...birth } = content.patient;
    const bytes = buildManifest(inventContent({ patient: { ...birth, ...used } }), inventStamp());
    expect(nameTexts(valuesAt(readWithDcmjs(bytes), '00101001'))).toEqual(names);
    expect(parseManifest(bytes).patient.otherNames).toEqual(names);
  });

  test.each([
    ['1.2.250.1.213.1.4.8', 'ASIP-SANTE-INS-NIR'],
    ['1.2.250.1.213.1.4.9', 'ASIP-SANTE-INS-NIA'],
    ['1.2.250.1.213.1.4.10', 'ASIP-SANTE-INS-NIR'],
    ['1.2.250.1.213.1.4.11', 'ASIP-SANTE-INS-NIR'],
  ] as const)('an INS under %s is issued by %s', (oid, issuer) => {
    const { patient } = parseManifest(
      buildManifest(withPatient({ ins: { value: '275017512345657', oid } }), inventStamp()),
    );
    expect(patient).toMatchObject({ id: '275017512345657', issuer, issuerOid: oid });
    expect(patient.otherIds).toEqual([{ id: '275017512345657', issuer, issuerOid: oid }]);
  });

  test.each(['19750000', '19750100'])(
    'a birth date with an unknown part (%s) is left empty, not invented',
    (birthDate) => {
      const from = withPatient({ birthDate });
      expect(parseManifest(buildManifest(from, inventStamp())).patient.birthDate).toBe('');
      expect(manifestRemarks(from)).toEqual(['birth-date-incomplete']);
    },
  );

  test('an unknown sex is empty: DICOM has no U', () => {
    expect(parseManifest(buildManifest(withPatient({ sex: 'U' }), inventStamp())).patient.sex).toBe('');
  });

  test('no birth place, no comment', () => {
    const { birthPlace: _, ...patient } = content.patient;
    expect(dataset(inventContent({ patient }))).not.toHaveProperty('00104000');
  });

  test('delimiters in a name cannot make another name', () => {
    const from = withPatient({ birthFamilyName: 'A^B=C\\D', firstBirthGivenName: 'E^F' });
    expect(parseManifest(buildManifest(from, inventStamp())).patient.name).toBe('A B C D^E F');
  });
});

describe('requests', () => {
  const requestsOf = (orders: ManifestContent['orders']) =>
    parseManifest(buildManifest(inventContent({ orders }), inventStamp())).requests;
  const empty = {
    studyInstanceUid: '1.2.250.1.999999.1',
    accessionNumber: '',
    accessionIssuerOid: '',
    placerOrderNumber: '',
    placerIssuerOid: '',
  };

  test('one item each', () => {
    expect(
      requestsOf([{ accessionNumber: { value: 'A', issuerOid: '1.2.3' } }, { placerOrderNumber: { value: 'B' } }]),
    ).toEqual([
      { ...empty, accessionNumber: 'A', accessionIssuerOid: '1.2.3' },
      { ...empty, placerOrderNumber: 'B' },
    ]);
  });

  test.each([[[]], [[{}]]])('one empty item for %j', (orders) => {
    expect(requestsOf(orders)).toEqual([empty]);
  });

  test('no issuer sequence without issuer, nor an issuer without number', () => {
    const read = dataset(
      inventContent({
        orders: [{ accessionNumber: { value: 'A' }, placerOrderNumber: { value: '', issuerOid: '1.2' } }],
      }),
    );
    const [request] = valuesAt(read, '0040A370') as [Record<string, unknown>];
    expect(Object.keys(request)).not.toContain('00080051');
    expect(Object.keys(request)).not.toContain('00400026');
  });

  test('an issuer that is a UUID is said to be one', () => {
    const issuerOid = '0b2c6c1e-7f0e-4a3c-9d5e-3c1a5f1f0a11';
    const read = dataset(inventContent({ orders: [{ accessionNumber: { value: 'A', issuerOid } }] }));
    expect(valuesAt(read, '0040A370', '00080051', '00400033')).toEqual(['UUID']);
  });
});

describe('refuses rather than write something else', () => {
  const stamp = inventStamp();
  test.each([
    [
      'an accession number over 16 characters',
      inventContent({ orders: [{ accessionNumber: { value: '1'.repeat(17) } }] }),
      stamp,
    ],
    [
      'an order number over 64 characters',
      inventContent({ orders: [{ placerOrderNumber: { value: '1'.repeat(65) } }] }),
      stamp,
    ],
    [
      'an issuer that is no OID',
      inventContent({ orders: [{ accessionNumber: { value: '1', issuerOid: 'HOPITAL' } }] }),
      stamp,
    ],
    ['an INS with a backslash', withPatient({ ins: { value: '1\\2', oid: '1.2.250.1.213.1.4.10' } }), stamp],
    ['a structure id that leaves no room', inventContent({ institution: { id: '1'.repeat(41), name: 'A' } }), stamp],
    ['a study without valid UID', withStudy({ studyInstanceUid: '1.2.3 ' }), stamp],
    ['a series without UID', inventContent({ series: [inventManifestSeries(1, { seriesInstanceUid: '' })] }), stamp],
    [
      'an instance without class',
      inventContent({ series: [inventManifestSeries(1, { instances: [{ ...inventInstances(1, '', 1)[0]! }] })] }),
      stamp,
    ],
    ['a base URL that is none', inventContent({ retrieveUrlBase: 'null/api/source' }), stamp],
    ['an own UID that is none', content, inventStamp({ sopInstanceUid: 'x' })],
    ['a zone that does not exist', content, inventStamp({ timeZone: 'Europe/Lutetia' })],
  ])('%s', (_, from, withStamp) => {
    expect(() => buildManifest(from, withStamp)).toThrow('kos/value-invalid');
  });

  test.each([
    ['no series', inventContent({ series: [] })],
    ['only series without instance', inventContent({ series: [inventManifestSeries(1, { instances: [] })] })],
  ])('a study with %s', (_, from) => {
    expect(() => buildManifest(from, stamp)).toThrow('kos/study-empty');
  });
});

describe('what does not fit is cut or left out, and told', () => {
  test('nothing to tell of an ordinary study', () => {
    expect(manifestRemarks(content)).toEqual([]);
  });

  test.each([
    ['patient-name-cut', withPatient({ birthFamilyName: 'N'.repeat(60) })],
    ['other-names-cut', withPatient({ birthGivenNames: 'N'.repeat(80) })],
    ['institution-name-cut', inventContent({ institution: { id: '1010000017', name: 'N'.repeat(60) } })],
    ['study-description-cut', withStudy({ studyDescription: 'N'.repeat(65) })],
    ['study-date-invalid', withStudy({ studyDate: '' })],
    ['study-date-invalid', withStudy({ studyTime: '10h15' })],
    ['study-id-dropped', withStudy({ studyId: 'N'.repeat(17) })],
  ])('%s', (remark, from) => {
    expect(manifestRemarks(from)).toEqual([remark]);
    expect(parseManifest(buildManifest(from, inventStamp())).patient.id).toBe('275017512345657');
  });

  test('the identifier of the structure stays whole when its name is cut', () => {
    const { institution } = parseManifest(
      buildManifest(inventContent({ institution: { id: '1010000017', name: 'N'.repeat(60) } }), inventStamp()),
    );
    expect(institution).toEqual({ id: '1010000017', name: 'N'.repeat(45) });
  });

  test('a long label is whole in the description', () => {
    const from = withStudy({ studyDescription: 'N'.repeat(200) });
    expect(parseManifest(buildManifest(from, inventStamp())).description).toContain(`Examen : ${'N'.repeat(200)}\n`);
  });
});
