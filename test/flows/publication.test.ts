/** The main job on a real Orthanc: a validated report becomes one manifest in the DMP. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildExamination, examinationPatient, examinationStudy } from '../fixtures/examination.ts';
import { buildCtStudy, type InventedInstance } from '../fixtures/dicom/index.ts';
import { buildOmi } from '../peers/ris/index.ts';
import { type FlowSite, isSiteHere, startFlowSite, type StoreKind } from './flow-site.ts';
import { judgeManifest } from './manifest-judges.ts';

const stored = (instances: readonly InventedInstance[]): readonly string[] =>
  instances.map(({ seriesInstanceUid, sopInstanceUid, sopClassUid }) =>
    [seriesInstanceUid, sopInstanceUid, sopClassUid].join(' '),
  );

/** What the manifest lists, in the same words. */
const listed = (kos: Uint8Array): readonly string[] =>
  parseManifest(kos).series.flatMap((series) =>
    series.instances.map((one) => [series.seriesInstanceUid, one.sopInstanceUid, one.sopClassUid].join(' ')),
  );

const accessionIssuer = '1.2.250.1.999999.1.3';
const placerIssuer = '1.2.250.1.999999.1.2';
const orderOf = (number: number | string) => ({
  placerOrderNumber: { value: `DEM-${number}`, issuerOid: placerIssuer },
  accessionNumber: { value: `ACN${number}`, issuerOid: accessionIssuer },
});

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('publication, store %s', (store) => {
  let flow: FlowSite;
  beforeAll(async () => {
    // The second site reads Orthanc's index by SQL, the first one over REST: the same flows, the same outcome.
    flow = await startFlowSite({ store, sqlIndex: store === 'postgres' });
  });
  afterAll(() => flow.stop());

  it.each(['ORU', 'MDM'] as const)(
    'publishes one manifest for an initial %s, valid for foreign readers (DB.SO.03, DB.SO.12, DB.SO.18, DB.SO.13, DB.SO.22, B3, C5)',
    async (form) => {
      const examination = buildExamination({
        number: form === 'ORU' ? 1 : 2,
        form,
        seriesCount: 2,
        instancesPerSeries: 4,
        // A radiologist's report with its PDF: 330 kB.
        cda: { pdfBytes: 180_000 },
      });
      const { studyInstanceUid, instances, controlId } = examination;
      await flow.keep(instances);
      const { code, controlId: answered } = await flow.send(examination.message);
      expect([code, answered]).toEqual(['AA', controlId]);
      const view = await flow.reaches(studyInstanceUid, 'published');

      const { entry, kos } = await flow.publishedOf(studyInstanceUid);
      expect(await flow.manifestsOf(studyInstanceUid)).toHaveLength(1);
      expect(judgeManifest(kos)).toEqual({ errors: [], complaints: [] });
      expect([...listed(kos)].sort()).toEqual([...stored(instances)].sort());
      const manifest = parseManifest(kos);
      expect(manifest).toMatchObject({
        sopInstanceUid: entry.uniqueId,
        studyInstanceUid,
        instanceNumber: '1',
        patient: {
          id: examinationPatient.ins[0]?.value,
          issuerOid: examinationPatient.ins[0]?.oid,
          birthDate: examinationPatient.birthDate,
          sex: examinationPatient.sex,
          birthPlace: examinationPatient.birthPlace,
        },
        study: { studyDate: examinationStudy(1).studyDate, studyDescription: examinationStudy(1).studyDescription },
      });
      expect(manifest.series.map(({ retrieveUrl }) => retrieveUrl)).toEqual(
        [1, 2].map(
          (series) =>
            `https://db.exemple.invalid/drimbox/studies/${studyInstanceUid}/series/${studyInstanceUid}.${series}`,
        ),
      );

      expect(entry).toMatchObject({
        status: 'Approved',
        mimeType: 'application/dicom',
        size: kos.length,
        hash: createHash('sha1').update(kos).digest('hex'),
        codes: { confidentiality: ['N^2.16.840.1.113883.5.25'] },
      });
      expect(entry).not.toHaveProperty('replaces');
      const signatures = (await flow.dmp.entries()).filter(
        (other) => other.kind === 'signature' && other.submissionSetUniqueId === entry.submissionSetUniqueId,
      );
      expect(signatures).toHaveLength(1);

      const names = view.journal.map(({ event }) => event);
      expect(names[0]).toBe('report/received');
      expect(names.at(-1)).toBe('dmp/published');
      expect(names.filter((name) => name === 'dmp/order-created')).toHaveLength(1);
      expect(view.orders).toMatchObject([{ kind: 'publish', state: 'accepted', failedAttempts: 0 }]);
      expect(view.answers).toMatchObject([{ transaction: 'ITI-41', outcome: 'success' }]);
      expect(view.reports).toMatchObject([{ state: 'current', action: 'initial', documentId: examination.documentId }]);
      expect(await flow.alertsOf(studyInstanceUid, '--all')).toEqual([]);
    },
  );

  it('shows the state in Orthanc Explorer, without identity (F1, A6)', async () => {
    const { studyInstanceUid } = buildExamination({ number: 1 });
    const [orthancId] = JSON.parse(
      (
        await flow.orthanc.call('POST', '/tools/find', {
          Level: 'Study',
          Query: { StudyInstanceUID: studyInstanceUid },
        })
      ).text,
    ) as string[];
    const { status, text } = await flow.orthanc.call('GET', `/drimbox/studies/${orthancId}/status`);
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { state: 'published', text: 'publié dans le DMP', isPending: expect.any(Boolean), actions: [] },
    ]);
  });

  it.each([
    [11, { MASQUE_PS: 'Y' }, ['MASQUE_PS']],
    [12, { INVISIBLE_PATIENT: 'Y' }, ['INVISIBLE_PATIENT']],
    [
      13,
      { INVISIBLE_PATIENT: 'Y', INVISIBLE_REP_LEGAUX: 'Y' },
      ['INVISIBLE_PATIENT', 'INVISIBLE_REPRESENTANTS_LEGAUX'],
    ],
  ])('study %i: flags %o become codes that hide it, and no other (MetaDMPMSS, E5)', async (number, flags, codes) => {
    const examination = buildExamination({ number, message: { flags } });
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    await flow.reaches(examination.studyInstanceUid, 'published');
    const { entry } = await flow.publishedOf(examination.studyInstanceUid);
    const written = (entry.codes['confidentiality'] ?? []).map((code) => code.split('^')[0]);
    expect(new Set(written)).toEqual(new Set([...codes, 'N']));
  });

  it('takes a restricted report as restricted: confidentialityCode R of the report goes into the entry (C5)', async () => {
    const examination = buildExamination({ number: 14, cda: { confidentiality: 'R' } });
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    await flow.reaches(examination.studyInstanceUid, 'published');
    const { entry } = await flow.publishedOf(examination.studyInstanceUid);
    expect(entry.codes['confidentiality']).toEqual(['R^2.16.840.1.113883.5.25']);
  });

  it('acknowledges the same message again and does nothing more (B2)', async () => {
    const examination = buildExamination({ number: 21 });
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    await flow.accepts(examination.message);
    await flow.reaches(examination.studyInstanceUid, 'published');
    const before = await flow.looked(examination.studyInstanceUid);
    await flow.accepts(examination.message);
    const after = await flow.looked(examination.studyInstanceUid);
    expect(after).toEqual(before);
    expect(after.reports).toHaveLength(1);
    expect(await flow.manifestsOf(examination.studyInstanceUid)).toHaveLength(1);
  });

  it('takes the same control id with other content as another message (B2)', async () => {
    const one = buildExamination({ number: 22, message: { controlId: 'TWICE' } });
    const other = buildExamination({ number: 23, message: { controlId: 'TWICE' } });
    await flow.keep([...one.instances, ...other.instances]);
    await flow.accepts(one.message);
    await flow.accepts(other.message);
    for (const { studyInstanceUid } of [one, other]) {
      await flow.reaches(studyInstanceUid, 'published');
      expect(await flow.manifestsOf(studyInstanceUid)).toHaveLength(1);
    }
  });

  it('the same document under another control id changes nothing in the DMP (B1, C1)', async () => {
    const first = buildExamination({ number: 24 });
    const again = buildExamination({ number: 24, message: { controlId: 'EX24-AGAIN' } });
    await flow.keep(first.instances);
    await flow.accepts(first.message);
    await flow.reaches(first.studyInstanceUid, 'published');
    const submissions = await flow.countSubmissions();
    await flow.accepts(again.message);
    const view = await flow.looked(first.studyInstanceUid);
    expect(view.state).toBe('published');
    expect(view.reports.map(({ state }) => state)).toEqual(['replaced', 'current']);
    expect(view.orders).toHaveLength(1);
    expect(await flow.manifestsOf(first.studyInstanceUid)).toHaveLength(1);
    expect(await flow.countSubmissions()).toBe(submissions);
  });

  it('publishes one manifest for each of three studies that share one order (B4, B5)', async () => {
    const numbers = [31, 32, 33];
    const common = orderOf(31);
    const examination = buildExamination({
      number: 31,
      cda: {
        orders: [common],
        studies: numbers.map((number) => ({ uids: [examinationStudy(number).studyInstanceUid] })),
      },
    });
    const studies = numbers.map((number) =>
      buildCtStudy({ number, study: { ...examinationStudy(number), accessionNumber: 'ACN31' }, instancesPerSeries: 2 }),
    );
    await flow.keep(studies.flat());
    await flow.accepts(examination.message);
    for (const instances of studies) {
      const uid = instances[0]?.studyInstanceUid ?? '';
      await flow.reaches(uid, 'published');
      const { kos } = await flow.publishedOf(uid);
      expect([...listed(kos)].sort()).toEqual([...stored(instances)].sort());
      expect(parseManifest(kos).requests).toMatchObject([{ accessionNumber: 'ACN31', placerOrderNumber: 'DEM-31' }]);
    }
  });

  it('pairs two identifiers of one act with two orders by position (B4, B5)', async () => {
    const numbers = [34, 35];
    const examination = buildExamination({
      number: 34,
      cda: {
        orders: numbers.map(orderOf),
        studies: [{ uids: numbers.map((number) => examinationStudy(number).studyInstanceUid) }],
      },
    });
    const instances = numbers.map((number) => buildCtStudy({ number, study: examinationStudy(number) }));
    await flow.keep(instances.flat());
    await flow.accepts(examination.message);
    for (const number of numbers) {
      const uid = examinationStudy(number).studyInstanceUid;
      await flow.reaches(uid, 'published');
      const { kos } = await flow.publishedOf(uid);
      expect(parseManifest(kos).requests).toMatchObject([{ accessionNumber: `ACN${number}` }]);
    }
  });

  it('a study whose images are late does not keep back the other study of the report (B4)', async () => {
    const numbers = [36, 37];
    const examination = buildExamination({
      number: 36,
      cda: {
        orders: numbers.map(orderOf),
        studies: numbers.map((number) => ({ uids: [examinationStudy(number).studyInstanceUid] })),
      },
    });
    const [first = [], second = []] = numbers.map((number) =>
      buildCtStudy({ number, study: examinationStudy(number) }),
    );
    await flow.keep(first);
    await flow.accepts(examination.message);
    await flow.reaches(examinationStudy(36).studyInstanceUid, 'published');
    await flow.reaches(examinationStudy(37).studyInstanceUid, 'waiting-for-images');
    await flow.keep(second);
    await flow.reaches(examinationStudy(37).studyInstanceUid, 'published');
  });

  it('sends nothing for a report that is not destined to the DMP, and says so (B8)', async () => {
    const examination = buildExamination({ number: 41, message: { flags: { DESTDMP: 'N' } } });
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    const view = await flow.reaches(examination.studyInstanceUid, 'not-destined');
    expect(view.orders).toEqual([]);
    expect(view.journal.map(({ event }) => event)).toContain('study/not-destined');
    expect(await flow.manifestsOf(examination.studyInstanceUid)).toEqual([]);
  });

  it('a published study stays published when its next report is not destined to the DMP (B8)', async () => {
    const first = buildExamination({ number: 42 });
    await flow.keep(first.instances);
    await flow.accepts(first.message);
    await flow.reaches(first.studyInstanceUid, 'published');
    const next = buildExamination({
      number: 42,
      cda: { documentId: { root: '1.2.250.1.999999.20.4201' }, replaces: [{ root: first.documentId }] },
      message: { controlId: 'EX42-N', action: 'replace', flags: { DESTDMP: 'N' } },
    });
    await flow.accepts(next.message);
    const view = await flow.looked(first.studyInstanceUid);
    expect(view.state).toBe('published');
    expect(view.reports.map(({ state }) => state)).toEqual(['replaced', 'current']);
    expect(view.orders).toHaveLength(1);
    const { entry } = await flow.publishedOf(first.studyInstanceUid);
    expect(entry.status).toBe('Approved');
  });

  it('takes OMI^O23 as a hint: acknowledged, journalled, and the PACS decides (DB.SO.133, D4)', async () => {
    const { studyInstanceUid } = buildExamination({ number: 1 });
    const submissions = await flow.countSubmissions();
    await flow.accepts(
      buildOmi({ studyInstanceUids: [studyInstanceUid, '1.2.250.1.999999.2.999'], controlId: 'OMI-1' }),
    );
    await flow.tells(studyInstanceUid, 'study/hint');
    await flow.accepts(
      buildOmi({ studyInstanceUids: [studyInstanceUid], controlId: 'OMI-2', orderControl: 'CA', orderStatus: '' }),
    );
    const view = await flow.looked(studyInstanceUid);
    expect(view.state).toBe('published');
    expect(view.journal.filter(({ event }) => event === 'study/hint')).toHaveLength(2);
    expect(view.orders).toHaveLength(1);
    expect(await flow.countSubmissions()).toBe(submissions);
    expect(await flow.manifestsOf(studyInstanceUid)).toMatchObject([{ status: 'Approved' }]);
  });

  it('an OMI^O23 for a study whose images changed makes the replacement at once (DB.SO.133, DB.SO.21, D4)', async () => {
    const examination = buildExamination({ number: 43, instancesPerSeries: 4 });
    const [late, ...early] = examination.instances;
    if (late === undefined) throw new Error('no image');
    await flow.keep(early);
    await flow.accepts(examination.message);
    await flow.reaches(examination.studyInstanceUid, 'published');
    await flow.keep([late]);
    await flow.accepts(buildOmi({ studyInstanceUids: [examination.studyInstanceUid], controlId: 'OMI-3' }));
    await expect
      .poll(async () => (await flow.manifestsOf(examination.studyInstanceUid)).map(({ status }) => status), {
        timeout: 45_000,
      })
      .toEqual(['Deprecated', 'Approved']);
    const { kos } = await flow.publishedOf(examination.studyInstanceUid);
    expect([...listed(kos)].sort()).toEqual([...stored(examination.instances)].sort());
    expect(parseManifest(kos).instanceNumber).toBe('2');
  });

  it('keeps no identity in the log of the sidecar (A6)', () => {
    const log = flow.site.sidecar().log();
    const { ins, birthFamilyName, firstBirthGivenName } = examinationPatient;
    for (const secret of [ins[0]?.value ?? '-', `${birthFamilyName}^`, firstBirthGivenName, '899999999901']) {
      expect(log).not.toContain(secret);
    }
    expect(log).toContain('dmp/published');
  });
});
