/** Studies that a rule holds: nothing leaves, everybody is told, and what puts it right publishes. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../plugin/errors.ts';
import { buildCtStudy, type InventedStudy } from '../fixtures/dicom/index.ts';
import {
  buildExamination,
  examinationPatient,
  examinationStudy,
  type ExaminationOptions,
} from '../fixtures/examination.ts';
import { inventedOrganization, inventedProfessional } from '../fixtures/report/build-cda.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite, type StudyView } from './flow-site.ts';

/** The images of an examination, with changes to patient or study. */
const imagesOf = (number: number, changes: Partial<InventedStudy> = {}) =>
  buildCtStudy({ number, study: { ...examinationStudy(number), ...changes } });

const patientOf = (number: number) => examinationStudy(number).patient;

/** Listens where the DMP should be, writes down what comes, and says 503: surely not taken. */
const startWitness = async (flow: FlowSite, requests: string[]) => {
  const { certificateFile, keyFile } = flow.site.ca.server;
  const server = createServer(
    { cert: readFileSync(certificateFile), key: readFileSync(keyFile) },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        requests.push(Buffer.concat(chunks).toString('latin1'));
        response.writeHead(503).end();
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/si-dmp-server/v2/services`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

describe.skipIf(!isSiteHere)('held studies', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite();
  });
  afterAll(() => flow.stop());

  /** Sends the report of an examination whose images are there, and expects the hold. */
  const expectHold = async (
    options: ExaminationOptions & { readonly number: number },
    code: ErrorCode,
    images = imagesOf(options.number),
  ): Promise<StudyView & { readonly studyInstanceUid: string }> => {
    const examination = buildExamination(options);
    const { studyInstanceUid } = examination;
    const submissions = await flow.countSubmissions();
    await flow.keep(images);
    await flow.accepts(examination.message);
    const view = await flow.reaches(studyInstanceUid, 'held', code);
    expect(view.orders).toEqual([]);
    expect(view.journal.at(-1)).toMatchObject({ event: 'study/held', error: code });
    expect(await flow.alertsOf(studyInstanceUid)).toMatchObject([{ code, count: 1 }]);
    expect(await flow.manifestsOf(studyInstanceUid)).toEqual([]);
    expect(await flow.countSubmissions()).toBe(submissions);
    return { ...view, studyInstanceUid };
  };

  const expectReleased = async (studyInstanceUid: string): Promise<void> => {
    await flow.reaches(studyInstanceUid, 'published');
    expect(await flow.manifestsOf(studyInstanceUid)).toMatchObject([{ status: 'Approved' }]);
    expect(await flow.alertsOf(studyInstanceUid)).toEqual([]);
  };

  /** Removes the study from Orthanc and stores other images of the same UID. */
  const replaceImages = async (number: number, images = imagesOf(number)): Promise<void> => {
    const { text } = await flow.orthanc.call('POST', '/tools/find', {
      Level: 'Study',
      Query: { StudyInstanceUID: examinationStudy(number).studyInstanceUid },
    });
    for (const id of JSON.parse(text) as string[]) await flow.orthanc.remove('studies', id);
    await flow.keep(images);
  };

  it('another accession number in the images holds; corrected images release by themselves (A4)', async () => {
    const { studyInstanceUid, detail } = await expectHold(
      { number: 1 },
      'publication/images-mismatch',
      imagesOf(1, { accessionNumber: 'ACN-OTHER' }),
    );
    expect(detail).toContain('accession-number');
    expect(detail).not.toContain('ACN');
    await replaceImages(1);
    await expectReleased(studyInstanceUid);
  });

  it('another patient identifier in the images holds, even where the accession number is right (A4)', async () => {
    const { studyInstanceUid, detail } = await expectHold(
      { number: 2 },
      'publication/images-mismatch',
      imagesOf(2, { patient: { ...patientOf(2), id: 'IPP-9999' } }),
    );
    expect(detail).toContain('patient-identifier');
    expect(detail).not.toContain('IPP-');
    await replaceImages(2);
    await expectReleased(studyInstanceUid);
  });

  it('one series of another patient among right ones holds the whole study (A4)', async () => {
    const right = imagesOf(3);
    const [wrong] = buildCtStudy({
      number: 3,
      seriesCount: 2,
      instancesPerSeries: 1,
      study: { ...examinationStudy(3), accessionNumber: 'ACN-OTHER' },
    }).slice(1);
    if (wrong === undefined) throw new Error('no image');
    const { detail } = await expectHold({ number: 3 }, 'publication/images-mismatch', [...right, wrong]);
    expect(detail).toContain(wrong.seriesInstanceUid);
  });

  it('images that carry neither number nor identifier nor name hold: nothing to compare (A4)', async () => {
    await expectHold(
      { number: 4 },
      'publication/images-unmatched',
      imagesOf(4, {
        accessionNumber: '',
        patient: { id: '', name: '', birthDate: '', sex: '', otherIds: [] },
      }),
    );
  });

  it('images that carry neither number nor identifier pass by birth name, birth date and sex (A4)', async () => {
    const examination = buildExamination({ number: 5 });
    await flow.keep(
      imagesOf(5, {
        accessionNumber: '',
        patient: { id: '', name: 'EXEMPLE^CAMILLE', birthDate: '19850321', sex: 'F', otherIds: [] },
      }),
    );
    await flow.accepts(examination.message);
    await flow.reaches(examination.studyInstanceUid, 'published');
  });

  it('two Orthanc studies under one StudyInstanceUID hold; one of them removed releases (A5)', async () => {
    const twin = imagesOf(6, { patient: { ...patientOf(6), id: 'IPP-0043' } });
    const { studyInstanceUid, detail } = await expectHold({ number: 6 }, 'publication/study-duplicated', [
      ...imagesOf(6),
      ...twin,
    ]);
    expect(detail).toMatch(/([0-9a-f-]{44}).*([0-9a-f-]{44})/);
    const { text } = await flow.orthanc.call('POST', '/tools/find', {
      Level: 'Study',
      Query: { StudyInstanceUID: studyInstanceUid, PatientID: 'IPP-0043' },
    });
    for (const id of JSON.parse(text) as string[]) await flow.orthanc.remove('studies', id);
    // The hook tells of the deleted one only by an id that no look knows: an administrator releases.
    await flow.ask('archive', 'release');
    await expectReleased(studyInstanceUid);
  });

  it('neither legalAuthenticator nor PRT: held; the message sent again with a PRT releases (A3)', async () => {
    const { studyInstanceUid } = await expectHold(
      { number: 7, cda: { legalAuthenticator: null }, message: { sender: null } },
      'publication/person-unresolved',
    );
    const again = buildExamination({
      number: 7,
      cda: { legalAuthenticator: null },
      message: {
        controlId: 'EX7-PRT',
        sender: {
          personId: inventedProfessional.id,
          familyName: inventedProfessional.familyName,
          givenName: inventedProfessional.givenName,
          organizationId: inventedOrganization.id.slice(1),
          organizationName: inventedOrganization.name,
        },
      },
    });
    await flow.accepts(again.message);
    await expectReleased(studyInstanceUid);
    const { entry } = await flow.publishedOf(studyInstanceUid);
    expect([entry.structureId, entry.submittedBy]).toEqual([inventedOrganization.id, inventedProfessional.id]);
  });

  it('a structure without certificates holds, and publishes once it is configured (A3)', async () => {
    const setStructureId = (id: string) =>
      flow.reconfigure((section) => {
        const structures = section['Dmp']?.['Structures'] as Record<string, unknown>[];
        structures[0] = { ...structures[0], Id: id };
      });
    await setStructureId('1999999983');
    const { studyInstanceUid, detail } = await expectHold({ number: 8 }, 'publication/structure-unconfigured');
    expect(detail).toContain(inventedOrganization.id);
    // A start looks at held studies again: the configuration may be what held them.
    await setStructureId(inventedOrganization.id);
    await expectReleased(studyInstanceUid);
  });

  it('two reports of one study that name different patients hold; nothing of the first is touched (B6, B7)', async () => {
    const first = buildExamination({ number: 9 });
    await flow.keep(first.instances);
    await flow.accepts(first.message);
    await flow.reaches(first.studyInstanceUid, 'published');
    const otherIns = { value: '185047512345688', oid: '1.2.250.1.213.1.4.10' };
    const second = buildExamination({
      number: 9,
      cda: {
        documentId: { root: '1.2.250.1.999999.20.901' },
        patient: { ins: [otherIns], sex: 'M' },
      },
      message: {
        controlId: 'EX9-OTHER',
        patient: { ins: otherIns.value, ipp: 'IPP-0042', birthDate: '19850321', sex: 'M' },
      },
    });
    await flow.accepts(second.message);
    await flow.reaches(first.studyInstanceUid, 'held', 'publication/patient-changed');
    expect(await flow.manifestsOf(first.studyInstanceUid)).toMatchObject([
      { status: 'Approved', patient: { ins: examinationPatient.ins[0]?.value } },
    ]);
    expect(await flow.alertsOf(first.studyInstanceUid)).toMatchObject([{ code: 'publication/patient-changed' }]);
  });

  it('a secret connection is never published without its configured attribute, and then with it (B8)', async () => {
    const { studyInstanceUid } = await expectHold(
      { number: 10, message: { flags: { CONNEXION_SECRETE: 'Y' } } },
      'publication/secret-connection',
    );
    const requests: string[] = [];
    const witness = await startWitness(flow, requests);
    let address: unknown;
    await flow.reconfigure((section) => {
      address = section['Dmp']?.['BaseUrl'];
      section['Dmp'] = {
        ...section['Dmp'],
        BaseUrl: witness.url,
        SecretConnection: { Attribute: 'Mode_Acces_Exemple', Value: 'SECRET-EXEMPLE' },
      };
    });
    const open = buildExamination({ number: 11 });
    await flow.keep(open.instances);
    await flow.accepts(open.message);
    const isAbout = (uid: string) => (request: string) => request.includes(`${uid}^`);
    const find = (uid: string) =>
      vi.waitFor(() => {
        const found = requests.find(isAbout(uid));
        expect(found).toBeDefined();
        return found ?? '';
      }, soon);
    const secret = /Name="Mode_Acces_Exemple"[^>]*>\s*<[^>]*AttributeValue[^>]*>SECRET-EXEMPLE</;
    expect(await find(studyInstanceUid)).toMatch(secret);
    expect(await find(open.studyInstanceUid)).not.toContain('Mode_Acces_Exemple');
    await witness.close();
    await flow.reconfigure((section) => {
      section['Dmp'] = { ...section['Dmp'], BaseUrl: address };
    });
    await expectReleased(studyInstanceUid);
    await expectReleased(open.studyInstanceUid);
  });

  it('doctor, the list of held studies and the alerts show them, without identity (G3, A6)', async () => {
    const held = (await flow.ask('archive', 'list', '--state', 'held')) as StudyView[];
    expect(held.length).toBeGreaterThanOrEqual(3);
    expect(new Set(held.map(({ state }) => state))).toEqual(new Set(['held']));
    const { status, stdout } = await flow.site.drimbox('doctor');
    expect(status).toBe(0);
    expect(stdout).toMatch(/Examens retenus +\d examens sont retenus/);
    expect(stdout).toContain('publication/images-mismatch');
    expect(stdout).toContain('drimbox archive release');
    const text = stdout + JSON.stringify(held) + JSON.stringify(await flow.ask('alerts', '--all'));
    for (const identity of ['EXEMPLE^', 'CAMILLE', 'IPP-', '285037512345691', inventedProfessional.id]) {
      expect(text).not.toContain(identity);
    }
  });

  it('a release without a remedy releases nothing, and raises no second alert (G3)', async () => {
    const [before] = (await flow.ask('archive', 'list', '--state', 'held')) as { studyInstanceUid: string }[];
    const uid = before?.studyInstanceUid ?? '';
    const alerts = await flow.alertsOf(uid);
    const events = await flow.eventsOf(uid);
    await flow.ask('archive', 'release');
    const after = await flow.looked(uid);
    expect(after.state).toBe('held');
    expect(await flow.alertsOf(uid)).toEqual(alerts);
    // The administrator's act is told; nothing came of it.
    expect(after.journal.map(({ event }) => event)).toEqual([...events, 'study/released']);
  });
});
