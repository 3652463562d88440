import { describe, expect, test } from 'vitest';
import { manifestFingerprint, type ManifestFingerprintInput } from '../../plugin/kos/index.ts';
import { inventContent, inventInstances, inventManifestSeries, sopClass } from '../fixtures/kos/invented-manifest.ts';

const content = inventContent({ series: [inventManifestSeries(1), inventManifestSeries(2)] });
const input = {
  content,
  reportId: { root: '1.2.250.1.999999.7', extension: '1' },
  visibility: {
    maskedFromProfessionals: false,
    invisibleToPatient: false,
    invisibleToRepresentatives: false,
    secretConnection: false,
  },
} satisfies ManifestFingerprintInput;
const print = manifestFingerprint(input);
const withContent = (changes: Partial<typeof content>): string =>
  manifestFingerprint({ ...input, content: { ...content, ...changes } });
const withPatient = (changes: Partial<typeof content.patient>): string =>
  withContent({ patient: { ...content.patient, ...changes } });

test('is a SHA-256 in hexadecimal', () => {
  expect(print).toMatch(/^[0-9a-f]{64}$/);
});

test('is known: another value would republish every study of every site', () => {
  expect(print).toMatchInlineSnapshot(`"2e0d3b38229d728974c6df90ea8a3cc3f689e47f3635577d347b91fe4d407af4"`);
});

describe('equal content stays equal (decision C1)', () => {
  test.each([
    ['order of series', withContent({ series: content.series.toReversed() })],
    [
      'order of instances',
      withContent({ series: content.series.map((one) => ({ ...one, instances: one.instances.toReversed() })) }),
    ],
    ['base URL', withContent({ retrieveUrlBase: 'https://autre.exemple.fr/x' })],
    [
      'labels of the PACS',
      withContent({ study: { ...content.study, studyDescription: 'Autre', studyDate: '20200101' } }),
    ],
    ['label of the act', withContent({ actDisplayName: 'Autre' })],
    ['name of the institution', withContent({ institution: { id: '1', name: 'Autre' } })],
    [
      'labels and numbers of series and instances',
      withContent({
        series: content.series.map((one) => ({
          ...one,
          modality: 'XX',
          seriesDescription: 'Autre',
          seriesNumber: '77',
          instances: one.instances.map((instance) => ({ ...instance, instanceNumber: '5', numberOfFrames: '2' })),
        })),
      }),
    ],
    [
      'a series without instance',
      withContent({ series: [...content.series, inventManifestSeries(3, { instances: [] })] }),
    ],
  ])('%s', (_, other) => {
    expect(other).toBe(print);
  });

  test('order of the requests', () => {
    const orders = [{ accessionNumber: { value: 'A' } }, { accessionNumber: { value: 'B' } }];
    expect(withContent({ orders: orders.toReversed() })).toBe(withContent({ orders }));
  });
});

describe('any change of what counts changes it (decision C1)', () => {
  const one = content.series[0]!;
  const { patient } = content;
  const changes: readonly (readonly [string, string])[] = [
    ['study', withContent({ study: { ...content.study, studyInstanceUid: '1.2.250.1.999999.1.9' } })],
    ['one instance less', withContent({ series: [{ ...one, instances: one.instances.slice(1) }, content.series[1]!] })],
    [
      'one instance more',
      withContent({ series: [{ ...one, instances: inventInstances(1, sopClass.ct, 3) }, content.series[1]!] }),
    ],
    ['one series less', withContent({ series: [one] })],
    [
      'class of an instance',
      withContent({ series: [{ ...one, instances: inventInstances(1, sopClass.mr, 2) }, content.series[1]!] }),
    ],
    [
      'an instance in another series',
      withContent({
        series: content.series.map((series, index) => ({ ...series, instances: content.series[1 - index]!.instances })),
      }),
    ],
    ['INS', withPatient({ ins: { ...patient.ins, value: '275017512345658' } })],
    ['OID of the INS', withPatient({ ins: { ...patient.ins, oid: '1.2.250.1.213.1.4.11' } })],
    ['IPP', withPatient({ ipp: { ...patient.ipp!, value: 'IPP-2' } })],
    ['issuer of the IPP', withPatient({ ipp: { value: patient.ipp!.value } })],
    ['birth family name', withPatient({ birthFamilyName: 'X' })],
    ['first birth given name', withPatient({ firstBirthGivenName: 'X' })],
    ['birth given names', withPatient({ birthGivenNames: 'X' })],
    ['used family name', withPatient({ usedFamilyName: 'X' })],
    ['used given name', withPatient({ usedGivenName: 'X' })],
    ['birth date', withPatient({ birthDate: '19750116' })],
    ['sex', withPatient({ sex: 'M' })],
    ['birth place', withPatient({ birthPlace: '75056' })],
    ['no order', withContent({ orders: [] })],
    ['accession number', withContent({ orders: [{ ...content.orders[0]!, accessionNumber: { value: 'ACN2' } }] })],
    ['placer order number', withContent({ orders: [{ ...content.orders[0]!, placerOrderNumber: { value: 'OPN2' } }] })],
    ['an order more', withContent({ orders: [...content.orders, { accessionNumber: { value: 'ACN2' } }] })],
    ['report', manifestFingerprint({ ...input, reportId: { root: '1.2.250.1.999999.7', extension: '2' } })],
    ...Object.keys(input.visibility).map(
      (flag) => [flag, manifestFingerprint({ ...input, visibility: { ...input.visibility, [flag]: true } })] as const,
    ),
  ];

  test.each(changes)('%s', (_, other) => {
    expect(other).not.toBe(print);
  });

  test('and no two of these changes look alike', () => {
    expect(new Set(changes.map(([, other]) => other)).size).toBe(changes.length);
  });

  test('a separator inside a value cannot make two contents alike', () => {
    expect(withPatient({ birthFamilyName: 'A","B', firstBirthGivenName: 'C' })).not.toBe(
      withPatient({ birthFamilyName: 'A', firstBirthGivenName: 'B","C' }),
    );
  });
});
