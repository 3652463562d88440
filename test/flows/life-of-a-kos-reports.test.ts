/** Reports that change whose study it is, which studies there are, and in whose name the DMP is told. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildCtStudy } from '../fixtures/dicom/index.ts';
import { examinationPatient, examinationStudy } from '../fixtures/examination.ts';
import { inventedOrganization, inventedProfessional, inventedStudy } from '../fixtures/report/build-cda.ts';
import type { LoggedSender } from '../peers/dmp/request-log.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite } from './flow-site.ts';
import {
  aboutOtherPatient,
  buildInitial,
  buildReplacement,
  buildReportDeletion,
  imagesOf,
  otherPatient,
} from './report-story.ts';

const uidOf = (number: number): string => examinationStudy(number).studyInstanceUid;
const publication = { DeletionDelayMinutes: 1 / 60, DailyDeletionPercent: 100, StabilitySeconds: 1 };

const orderOf = (number: number) => ({
  placerOrderNumber: { value: `DEM-${number}`, issuerOid: '1.2.250.1.999999.1.2' },
  accessionNumber: { value: examinationStudy(number).accessionNumber, issuerOid: '1.2.250.1.999999.1.3' },
});
/** A report that names these studies. */
const naming = (...numbers: readonly number[]) => ({
  orders: numbers.map(orderOf),
  studies: numbers.map((number) => ({ ...inventedStudy, uids: [uidOf(number)] })),
});

describe.skipIf(!isSiteHere)('reports after publication', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ publication });
    for (const number of [90, 91, 92, 93]) {
      await flow.keep(imagesOf(number, 1, 1));
      await flow.accepts(buildInitial(number));
    }
  });
  afterAll(() => flow.stop());

  const publish = async (number: number): Promise<void> => {
    await flow.keep(imagesOf(number, 1, 2));
    await flow.accepts(buildInitial(number));
    await flow.writes(uidOf(number), ['Approved 2']);
  };

  it('a replacement of a report that we never had replaces what is there of the patient’s study (B1)', async () => {
    await publish(1);
    await flow.accepts(
      buildReplacement(1, 3, { parent: '1.2.250.1.999999.20.404', message: { flags: { MASQUE_PS: 'Y' } } }),
    );
    await flow.writes(uidOf(1), ['Deprecated 2', 'Approved 2']);
    const view = await flow.reaches(uidOf(1), 'published');
    expect(view.reports.map(({ state }) => state)).toEqual(['replaced', 'current']);
    expect((await flow.publishedOf(uidOf(1))).entry.codes['confidentiality']?.join()).toContain('MASQUE_PS');
  });

  it('a replacement of a report that we never had, of a study that we never had, publishes it (B1)', async () => {
    await flow.keep(imagesOf(2, 1, 2));
    await flow.accepts(buildReplacement(2, 2));
    await flow.writes(uidOf(2), ['Approved 2']);
  });

  it('studies added to a replacement are published, dropped ones deleted, kept ones replaced (B6)', async () => {
    const [first, second, third] = [3, 4, 5] as const;
    for (const number of [first, second, third]) await flow.keep(imagesOf(number, 1, 2));
    await flow.accepts(buildInitial(first, { cda: naming(first, second) }));
    await flow.writes(uidOf(first), ['Approved 2']);
    await flow.writes(uidOf(second), ['Approved 2']);
    await flow.accepts(buildReplacement(first, 2, { cda: naming(second, third) }));
    await flow.writes(uidOf(first), ['Deleted 2']);
    await flow.writes(uidOf(second), ['Deprecated 2', 'Approved 2']);
    await flow.writes(uidOf(third), ['Approved 2']);
    await flow.reaches(uidOf(first), 'retired');
    await flow.accepts(buildReplacement(first, 3, { cda: naming(first, second, third) }));
    await flow.writes(uidOf(first), ['Deleted 2', 'Approved 2']);
    await flow.writes(uidOf(third), ['Deprecated 2', 'Approved 2']);
    await flow.accepts(buildReportDeletion(first, 3, { cda: naming(first, second, third) }));
    await flow.writes(uidOf(first), ['Deleted 2', 'Deleted 2']);
    await flow.writes(uidOf(second), ['Deprecated 2', 'Deprecated 2', 'Deleted 2']);
    await flow.writes(uidOf(third), ['Deprecated 2', 'Deleted 2']);
  });

  it('the report turns out to be of another patient, and back again: never in two records at once (B7)', async () => {
    const number = 6;
    await publish(number);
    await flow.accepts(buildReplacement(number, 2, aboutOtherPatient));
    await flow.writes(uidOf(number), ['Deleted 2', 'Approved 2']);
    await flow.accepts(buildReplacement(number, 3));
    await flow.writes(uidOf(number), ['Deleted 2', 'Deleted 2', 'Approved 2']);
    const own = examinationPatient.ins[0]?.value;
    expect((await flow.manifestsOf(uidOf(number))).map(({ patient }) => patient.ins)).toEqual([
      own,
      otherPatient.value,
      own,
    ]);
  });

  it('of another patient while the images are gone: out of the old record all the same, and not into the new one (B7, D1)', async () => {
    const number = 7;
    await publish(number);
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.accepts(buildReplacement(number, 2, aboutOtherPatient));
    await flow.writes(uidOf(number), ['Deleted 2']);
    await flow.keep(imagesOf(number, 1, 2));
    await flow.writes(uidOf(number), ['Deleted 2', 'Approved 2']);
    expect((await flow.publishedOf(uidOf(number))).entry.patient.ins).toBe(otherPatient.value);
  });

  it('of another patient while the PACS is down: out of the old record before the PACS answers (B7)', async () => {
    const number = 8;
    await publish(number);
    await flow.killOrthanc();
    try {
      await flow.accepts(buildReplacement(number, 2, aboutOtherPatient));
      await vi.waitFor(async () => expect(await flow.historyOf(uidOf(number))).toEqual(['Deleted 2']), soon);
    } finally {
      await flow.restartOrthanc();
    }
    await flow.writes(uidOf(number), ['Deleted 2', 'Approved 2']);
  });

  it('of another patient while its images are held: out of the old record all the same (B7, A5)', async () => {
    const number = 13;
    await publish(number);
    const study = examinationStudy(number);
    const twin = { ...study, patient: { ...study.patient, id: 'IPP-0043' } };
    await flow.keep(buildCtStudy({ number, instancesPerSeries: 2, study: twin }));
    await flow.reaches(uidOf(number), 'held', 'publication/study-duplicated');
    await flow.accepts(buildReplacement(number, 2, aboutOtherPatient));
    await flow.writes(uidOf(number), ['Deleted 2']);
    await flow.reaches(uidOf(number), 'held', 'publication/study-duplicated');
  });

  it('hidden from the patient while images still arrive: hidden at once, completed afterwards (MetaDMPMSS)', async () => {
    const number = 9;
    await publish(number);
    await flow.reconfigure((section) => {
      section['Publication'] = { ...section['Publication'], StabilitySeconds: 8 };
    });
    await flow.keep(imagesOf(number, 1, 3));
    const from = Date.now();
    await flow.accepts(buildReplacement(number, 2, { message: { flags: { INVISIBLE_PATIENT: 'Y' } } }));
    const hidden = await vi.waitFor(async () => {
      const { entry } = await flow.publishedOf(uidOf(number));
      expect(entry.codes['confidentiality']?.join()).toContain('INVISIBLE_PATIENT');
      return entry;
    }, soon);
    expect(hidden.receivedAtUtcMs - from).toBeLessThan(6_000);
    // All of it in the end, still hidden.
    await vi.waitFor(async () => expect((await flow.historyOf(uidOf(number))).at(-1)).toBe('Approved 3'), soon);
    const { entry } = await flow.publishedOf(uidOf(number));
    expect(entry.codes['confidentiality']?.join()).toContain('INVISIBLE_PATIENT');
    await flow.reconfigure((section) => {
      section['Publication'] = { ...section['Publication'], StabilitySeconds: 1 };
    });
  });

  it('somebody took the document out of the DMP: withdrawn, an alert; a new report publishes again (C8)', async () => {
    const number = 10;
    await publish(number);
    await flow.dmp.vanish((await flow.publishedOf(uidOf(number))).entry.entryUuid);
    await flow.keep(imagesOf(number, 1, 3));
    await flow.reaches(uidOf(number), 'withdrawn', 'publication/document-withdrawn');
    expect(await flow.alertsOf(uidOf(number))).toMatchObject([{ code: 'publication/document-withdrawn' }]);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Deleted 2']);
    // Nothing that the PACS does publishes again.
    await flow.removeFromOrthanc('Instance', imagesOf(number, 1, 3)[2]?.sopInstanceUid ?? '');
    await flow.looked(uidOf(number));
    expect(await flow.historyOf(uidOf(number))).toEqual(['Deleted 2']);
    await flow.accepts(buildReplacement(number, 2));
    await flow.writes(uidOf(number), ['Deleted 2', 'Approved 2']);
    expect(await flow.alertsOf(uidOf(number))).toEqual([]);
  });

  it('withdrawn, and an administrator publishes it again (C8)', async () => {
    const number = 11;
    await publish(number);
    await flow.dmp.vanish((await flow.publishedOf(uidOf(number))).entry.entryUuid);
    await flow.keep(imagesOf(number, 1, 3));
    await flow.reaches(uidOf(number), 'withdrawn', 'publication/document-withdrawn');
    await flow.ask('archive', 'release', uidOf(number));
    await flow.writes(uidOf(number), ['Deleted 2', 'Approved 3']);
  });

  it('the report of a document that somebody took out is deleted: nothing is left to do, and nothing fails (C8)', async () => {
    const number = 12;
    await publish(number);
    await flow.dmp.vanish((await flow.publishedOf(uidOf(number))).entry.entryUuid);
    await flow.accepts(buildReportDeletion(number, 1));
    const view = await flow.reaches(uidOf(number), 'retired');
    expect(view.journal.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(await flow.historyOf(uidOf(number))).toEqual(['Deleted 2']);
  });
});

describe.skipIf(!isSiteHere)('in whose name the DMP is told', () => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ publication });
    await flow.keep(imagesOf(90, 1, 1));
  });
  afterAll(() => flow.stop());

  const setRole = (role: string) =>
    flow.reconfigure((section) => {
      const structures = section['Dmp']?.['Structures'] as Record<string, unknown>[];
      structures[0] = { ...structures[0], Role: role };
    });

  /** Who sent the accepted requests of a kind, in order. */
  const sendersOf = async (transaction: string): Promise<readonly (LoggedSender | undefined)[]> =>
    (await flow.dmp.log())
      .filter((line) => line.transaction === transaction && line.outcome === 'accepted')
      .map(({ sender }) => sender);
  const lastRoles = async (transaction: string) => (await sendersOf(transaction)).at(-1)?.roles;

  const { specialty: _, ...withoutSpecialty } = inventedProfessional;
  const unspecified = { legalAuthenticator: { person: withoutSpecialty, organization: inventedOrganization } };

  it('an update that the PACS caused goes in the name of the archived submission; one that a report caused in the report’s (spec b.4.1, A7)', async () => {
    const number = 1;
    await setRole('G15_10/SM44');
    await flow.keep(imagesOf(number, 1, 2));
    await flow.accepts(buildInitial(number, { cda: unspecified }));
    await flow.writes(uidOf(number), ['Approved 2']);
    expect(await lastRoles('provideAndRegister')).toEqual(['10', 'SM44']);

    await setRole('G15_10/SM01');
    await flow.keep(imagesOf(number, 1, 3));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Approved 3']);
    expect(await lastRoles('provideAndRegister')).toEqual(['10', 'SM44']);

    await flow.accepts(buildReplacement(number, 2, { cda: unspecified }));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Deprecated 3', 'Approved 3']);
    expect(await lastRoles('provideAndRegister')).toEqual(['10', 'SM01']);

    await setRole('G15_10/SM44');
    await flow.removeFromOrthanc('Study', uidOf(number));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Deprecated 3', 'Deleted 3']);
    expect(await lastRoles('updateDocumentSet')).toEqual(['10', 'SM01']);
  });

  it('the choice between report and message per RIS counts for reports, not for what the PACS causes (A3, spec b.4.1)', async () => {
    const number = 2;
    const sender = {
      personId: '899999999902',
      familyName: 'AUTRE',
      givenName: 'Paul',
      organizationId: inventedOrganization.id.slice(1),
      organizationName: inventedOrganization.name,
    };
    await flow.keep(imagesOf(number, 1, 2));
    await flow.accepts(buildInitial(number, { message: { sender } }));
    await flow.writes(uidOf(number), ['Approved 2']);
    const submitters = async (): Promise<readonly string[]> =>
      (await flow.manifestsOf(uidOf(number))).map(({ submittedBy }) => submittedBy);
    expect(await submitters()).toEqual([inventedProfessional.id]);

    await flow.reconfigure((section) => {
      const senders = [{ Application: 'RIS-EXEMPLE', Facility: 'CENTRE-EXEMPLE', PersonSource: 'prt' }];
      section['Hl7'] = { ...section['Hl7'], Senders: senders };
    });
    await flow.keep(imagesOf(number, 1, 3));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Approved 3']);
    expect(await submitters()).toEqual([inventedProfessional.id, inventedProfessional.id]);

    await flow.accepts(buildReplacement(number, 2, { message: { sender } }));
    await flow.writes(uidOf(number), ['Deprecated 2', 'Deprecated 3', 'Approved 3']);
    expect((await submitters()).at(-1)).toBe(sender.personId);

    await flow.removeFromOrthanc('Instance', imagesOf(number, 1, 3)[0]?.sopInstanceUid ?? '');
    await flow.writes(uidOf(number), ['Deprecated 2', 'Deprecated 3', 'Deprecated 3', 'Approved 2']);
    expect((await submitters()).at(-1)).toBe(sender.personId);
  });

  it('out of the wrong patient’s record in the name of who put it there (B7)', async () => {
    const number = 3;
    await flow.keep(imagesOf(number, 1, 2));
    await flow.accepts(buildInitial(number, { message: { sender: null } }));
    await flow.writes(uidOf(number), ['Approved 2']);
    const other = { ...inventedProfessional, id: '899999999903', familyName: 'TROISIEME' };
    await flow.accepts(
      buildReplacement(number, 2, {
        message: { ...aboutOtherPatient.message, sender: null },
        cda: { ...aboutOtherPatient.cda, legalAuthenticator: { person: other, organization: inventedOrganization } },
      }),
    );
    await flow.writes(uidOf(number), ['Deleted 2', 'Approved 2']);
    expect((await sendersOf('updateDocumentSet')).at(-1)).toMatchObject({
      person: inventedProfessional.id,
      ins: examinationPatient.ins[0]?.value,
    });
    expect((await sendersOf('provideAndRegister')).at(-1)).toMatchObject({ person: other.id, ins: otherPatient.value });
    const { kos } = await flow.publishedOf(uidOf(number));
    expect(parseManifest(kos).patient.id).toBe(otherPatient.value);
  });
});
