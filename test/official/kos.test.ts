/** The official manifests (`../shared`, absent from a user's machine). Nothing of them is copied here. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';

const folder = join(import.meta.dirname, '../../../shared/data');
const isPresent = existsSync(folder);
if (!isPresent) console.warn('test/official/kos: skipped, ../shared is absent');

const sample = (name: string): Buffer => readFileSync(join(folder, name));
const uidRoot = '1.3.6.1.4.1.5962.99.1.3711725607.829148806.1687338938407';

describe.skipIf(!isPresent)('official manifests, Implicit VR, November 2023 and January 2024', () => {
  test('kos/ko.dcm is the document whose hash the accepted publication declares', () => {
    const sha1 = createHash('sha1').update(sample('kos/ko.dcm')).digest('hex');
    expect(sha1).toMatch(/^58408c11.*455a$/);
    expect(sample('xds/publication.mtom.txt.xml').toString('latin1')).toContain(sha1);
  });

  test('kos/ko.dcm: two series of ten MR images', () => {
    const manifest = parseManifest(sample('kos/ko.dcm'));
    expect(manifest).toMatchObject({
      transferSyntaxUid: '1.2.840.10008.1.2',
      specificCharacterSet: 'ISO_IR 100',
      sopInstanceUid: '1.3.2.751468943.3.1234.56838.231114144457.1.1.1',
      studyInstanceUid: `${uidRoot}.3.116`,
      timezoneOffsetFromUtc: '+0200',
      institution: { name: 'BCOM', id: '' },
      title: { code: '113030', codingScheme: 'DCM', meaning: 'MANIFEST' },
      study: { studyDate: '20221215', studyTime: '194622.300000', studyId: '', studyDescription: 'Exam A' },
      requests: [
        {
          studyInstanceUid: `${uidRoot}.3.116`,
          accessionNumber: '7252295367250016',
          accessionIssuerOid: '1.2.840.113619.6.196',
          placerOrderNumber: '12989855966',
          placerIssuerOid: '2.16.840.1.113883.6.96',
        },
      ],
      actDisplayName: 'Abdomen + pelvis',
    });
    expect(manifest.patient).toEqual({
      id: '162018885045327',
      issuer: 'ASIP-SANTE-INS-NIR',
      issuerOid: '1.2.250.1.213.1.4.10',
      name: 'PAT-SIX',
      birthDate: '19960124',
      sex: 'M',
      birthPlace: '29758',
      otherNames: ['PAT-SIX'],
      otherIds: [{ id: '162018885045327', issuer: '', issuerOid: '1.2.250.1.213.1.4.10' }],
    });
    expect(manifest.series).toMatchObject(
      ['116', '216'].map((end) => ({
        studyInstanceUid: `${uidRoot}.3.116`,
        seriesInstanceUid: `${uidRoot}.6.${end}`,
        modality: 'MR',
        bodyPartExamined: '',
        seriesDescription: 'T2 Ax Space Iso RT',
        seriesNumber: '',
        retrieveUrl: `http://localhost:4200/api/source/studies/${uidRoot}.3.116/series/${uidRoot}.6.${end}`,
        retrieveLocationUid: '',
      })),
    );
    expect(manifest.series.map((series) => series.instances.length)).toEqual([10, 10]);
    expect(manifest.series[0]?.instances[0]).toEqual({
      sopClassUid: '1.2.840.10008.5.1.4.1.1.4',
      sopInstanceUid: '1.2.276.0.7230010.3.1.4.8323329.1661.1687347921.41307216',
      instanceNumber: '',
      numberOfFrames: '',
      valueType: 'IMAGE',
    });
  });

  test('kos/xdm_KOS_1_1.dcm: one series of ten', () => {
    const manifest = parseManifest(sample('kos/xdm_KOS_1_1.dcm'));
    expect(manifest).toMatchObject({
      sopInstanceUid: '1.3.2.751468943.3.1234.99352.240116151112.1.1.1',
      contentDate: '20240116',
      contentTime: '151112',
      requests: [{ accessionNumber: '725229536725002', placerOrderNumber: '12989855962' }],
    });
    expect(manifest.series.map((series) => [series.modality, series.instances.length])).toEqual([['MR', 10]]);
  });

  test.each(['kos/ko.dcm', 'kos/xdm_KOS_1_1.dcm'])('%s cut at any byte is unreadable', (name) => {
    const whole = sample(name);
    for (let length = 0; length < whole.length; length += 1) {
      let code: unknown = 'read';
      try {
        parseManifest(whole.subarray(0, length));
      } catch (error) {
        code = (error as { code?: unknown }).code;
      }
      if (code !== 'kos/unreadable') expect.fail(`cut at byte ${length}: ${String(code)}`);
    }
  });
});
