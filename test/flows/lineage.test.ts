/** Replacement, change of visibility and deletion of reports, in whatever order they come. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { buildExamination, examinationPatient, type ExaminationOptions } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, soon, startFlowSite, type StoreKind } from './flow-site.ts';

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

const otherPatient = { value: '185047512345657', oid: '1.2.250.1.213.1.4.10' };

describe.skipIf(!isSiteHere).each(stores)('lineage of reports, store %s', (store) => {
  let flow: FlowSite;
  beforeAll(async () => {
    flow = await startFlowSite({ store });
  });
  afterAll(() => flow.stop());

  const initial = (number: number, options: ExaminationOptions = {}) => buildExamination({ number, ...options });

  /** Version `version` of the report of that examination, which replaces `parent`. */
  const replacement = (
    number: number,
    version: number,
    parent: string,
    { message, cda, form }: Pick<ExaminationOptions, 'message' | 'cda' | 'form'> = {},
  ) => {
    const root = `1.2.250.1.999999.20.${number}.${version}`;
    return {
      ...buildExamination({
        number,
        ...(form === undefined ? {} : { form }),
        cda: { documentId: { root }, replaces: [{ root: parent }], versionNumber: version, ...cda },
        message: {
          controlId: `EX${number}-V${version}`,
          action: 'replace',
          documentId: root,
          parentDocumentId: parent,
          ...message,
        },
      }),
      documentId: root,
    };
  };

  const deletion = (number: number, documentId: string, form: 'ORU' | 'MDM' = 'ORU') =>
    buildExamination({
      number,
      form,
      cda: { documentId: { root: documentId } },
      message: { controlId: `EX${number}-D`, action: 'delete', documentId },
    });

  const publish = async (number: number, options: ExaminationOptions = {}) => {
    const examination = initial(number, options);
    await flow.keep(examination.instances);
    await flow.accepts(examination.message);
    await flow.reaches(examination.studyInstanceUid, 'published');
    return examination;
  };

  const statusesOf = async (uid: string) => (await flow.manifestsOf(uid)).map(({ status }) => status);
  const expectStatuses = (uid: string, statuses: readonly string[]) =>
    vi.waitFor(async () => expect(await statusesOf(uid)).toEqual(statuses), soon);

  it.each(['ORU', 'MDM'] as const)(
    'a replacement by %s after publication: the new manifest replaces the old one (DB.SO.21, B1)',
    async (form) => {
      const number = form === 'ORU' ? 1 : 2;
      const first = await publish(number, { form });
      const { entry: old } = await flow.publishedOf(first.studyInstanceUid);
      const next = replacement(number, 2, first.documentId, { form });
      await flow.accepts(next.message);
      await expectStatuses(first.studyInstanceUid, ['Deprecated', 'Approved']);
      const { entry, kos } = await flow.publishedOf(first.studyInstanceUid);
      expect(entry.replaces).toBe(old.entryUuid);
      expect(parseManifest(kos).instanceNumber).toBe('2');
      const view = await flow.reaches(first.studyInstanceUid, 'published');
      expect(view.reports.map(({ state }) => state)).toEqual(['replaced', 'current']);
      expect(view.orders.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
        'publish accepted',
        'replace accepted',
      ]);
      // C7: the entry to replace is asked for before it is named; again when a hint came between the two.
      expect(view.answers.map(({ transaction }) => transaction).join(' ')).toMatch(/^ITI-41( ITI-18)+ ITI-41$/);
    },
  );

  it('three versions one after the other: one current manifest, the others stay readable (DB.SO.21, DB.SO.13)', async () => {
    const first = await publish(3);
    const second = replacement(3, 2, first.documentId);
    const third = replacement(3, 3, second.documentId);
    await flow.accepts(second.message);
    await flow.accepts(third.message);
    await vi.waitFor(async () => {
      const view = await flow.looked(first.studyInstanceUid);
      expect([view.state, view.reports.map(({ state }) => state)]).toEqual([
        'published',
        ['replaced', 'replaced', 'current'],
      ]);
    }, soon);
    const statuses = await statusesOf(first.studyInstanceUid);
    expect(statuses.at(-1)).toBe('Approved');
    expect(statuses.filter((status) => status === 'Approved')).toHaveLength(1);
    const [oldest] = await flow.manifestsOf(first.studyInstanceUid);
    expect(parseManifest(await flow.dmp.documentOf(oldest?.entryUuid ?? '')).studyInstanceUid).toBe(
      first.studyInstanceUid,
    );
  });

  it('a replacement before publication: only the latest is ever sent (B1)', async () => {
    const first = initial(4);
    await flow.accepts(first.message);
    await flow.reaches(first.studyInstanceUid, 'waiting-for-images');
    const next = replacement(4, 2, first.documentId, { message: { flags: { INVISIBLE_PATIENT: 'Y' } } });
    await flow.accepts(next.message);
    await flow.keep(first.instances);
    await flow.reaches(first.studyInstanceUid, 'published');
    const [entry, ...others] = await flow.manifestsOf(first.studyInstanceUid);
    expect(others).toEqual([]);
    expect(entry?.codes['confidentiality']).toContain('INVISIBLE_PATIENT^1.2.250.1.213.1.1.4.13');
  });

  it('a replacement that comes before its parent: the parent never becomes current (B1)', async () => {
    const first = initial(5);
    const next = replacement(5, 2, first.documentId, { message: { flags: { MASQUE_PS: 'Y' } } });
    await flow.keep(first.instances);
    await flow.accepts(next.message);
    await flow.reaches(first.studyInstanceUid, 'published');
    await flow.accepts(first.message);
    const view = await flow.looked(first.studyInstanceUid);
    expect(view.reports.map(({ action, state }) => `${action} ${state}`)).toEqual([
      'replace current',
      'initial replaced',
    ]);
    expect(view.orders).toHaveLength(1);
    const [entry, ...others] = await flow.manifestsOf(first.studyInstanceUid);
    expect(others).toEqual([]);
    // What hid it still hides it.
    expect(entry?.codes['confidentiality']?.join()).toContain('MASQUE_PS');
  });

  it('a change of visibility alone replaces, and hides at once (MetaDMPMSS, C1)', async () => {
    const first = await publish(6);
    const hide = replacement(6, 2, first.documentId, {
      message: { flags: { MASQUE_PS: 'Y', MODIF_CONF_CODE: 'Y' } },
    });
    await flow.accepts(hide.message);
    await expectStatuses(first.studyInstanceUid, ['Deprecated', 'Approved']);
    const { entry } = await flow.publishedOf(first.studyInstanceUid);
    expect(entry.codes['confidentiality']?.join()).toContain('MASQUE_PS');
    const show = replacement(6, 3, hide.documentId);
    await flow.accepts(show.message);
    await expectStatuses(first.studyInstanceUid, ['Deprecated', 'Deprecated', 'Approved']);
    expect((await flow.publishedOf(first.studyInstanceUid)).entry.codes['confidentiality']).toEqual([
      'N^2.16.840.1.113883.5.25',
    ]);
  });

  it.each(['ORU', 'MDM'] as const)(
    'a deletion by %s deletes the entry; the archive keeps everything (DB.SO.15, DB.SO.13)',
    async (form) => {
      const number = form === 'ORU' ? 7 : 8;
      const first = await publish(number);
      await flow.accepts(deletion(number, first.documentId, form).message);
      await expectStatuses(first.studyInstanceUid, ['Deleted']);
      const view = await flow.reaches(first.studyInstanceUid, 'retired');
      expect(view.orders.map(({ kind, state }) => `${kind} ${state}`)).toEqual(['publish accepted', 'delete accepted']);
      expect(view.answers.at(-1)).toMatchObject({ transaction: 'ITI-57', outcome: 'success' });
      const { kosBase64 } = (await flow.ask('archive', 'kos', first.studyInstanceUid)) as { kosBase64: string };
      expect(parseManifest(Buffer.from(kosBase64, 'base64')).studyInstanceUid).toBe(first.studyInstanceUid);
    },
  );

  it('a deletion before publication: nothing is ever sent (DB.SO.15)', async () => {
    const first = initial(9);
    await flow.accepts(first.message);
    await flow.reaches(first.studyInstanceUid, 'waiting-for-images');
    await flow.accepts(deletion(9, first.documentId).message);
    await flow.keep(first.instances);
    const view = await flow.reaches(first.studyInstanceUid, 'retired');
    expect(view.orders).toEqual([]);
    expect(await flow.manifestsOf(first.studyInstanceUid)).toEqual([]);
  });

  it('a deletion that comes before its report: the report is not published (B1)', async () => {
    const first = initial(10);
    await flow.keep(first.instances);
    await flow.accepts(deletion(10, first.documentId).message);
    await flow.accepts(first.message);
    const view = await flow.looked(first.studyInstanceUid);
    expect(view.state).toBe('retired');
    expect(view.orders).toEqual([]);
    expect(view.journal).toContainEqual(
      expect.objectContaining({ event: 'report/warning', detail: { warning: 'deleted-before-it-came' } }),
    );
  });

  it('a deletion that names another patient deletes nothing (B1, A2)', async () => {
    const first = await publish(11);
    const wrong = buildExamination({
      number: 11,
      cda: { documentId: { root: first.documentId }, patient: { ins: [otherPatient] } },
      message: {
        controlId: 'EX11-D',
        action: 'delete',
        patient: { ins: otherPatient.value, ipp: 'IPP-0042', birthDate: '19850321' },
      },
    });
    await flow.accepts(wrong.message);
    const view = await flow.looked(first.studyInstanceUid);
    expect([view.state, view.orders.length]).toEqual(['published', 1]);
    expect(await statusesOf(first.studyInstanceUid)).toEqual(['Approved']);
  });

  it('a replacement for another patient: out of the first record, then into the other one (B7)', async () => {
    const first = await publish(12);
    const moved = replacement(12, 2, first.documentId, {
      cda: { patient: { ins: [otherPatient], sex: 'M' } },
      message: { patient: { ins: otherPatient.value, ipp: 'IPP-0042', birthDate: '19850321', sex: 'M' } },
    });
    // While the deletion is not confirmed nothing stands in the other record.
    await flow.dmp.order({ kind: 'http', status: 503 }, { times: 1, transaction: 'updateDocumentSet' });
    await flow.accepts(moved.message);
    await flow.tells(first.studyInstanceUid, 'dmp/send-failed');
    expect(await flow.manifestsOf(first.studyInstanceUid)).toHaveLength(1);
    await expectStatuses(first.studyInstanceUid, ['Deleted', 'Approved']);
    expect((await flow.manifestsOf(first.studyInstanceUid)).map(({ patient }) => patient.ins)).toEqual([
      examinationPatient.ins[0]?.value,
      otherPatient.value,
    ]);
    const view = await flow.reaches(first.studyInstanceUid, 'published');
    expect(view.orders.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'publish accepted',
      'delete accepted',
      'publish accepted',
    ]);
    const { kos } = await flow.publishedOf(first.studyInstanceUid);
    expect(parseManifest(kos).patient.id).toBe(otherPatient.value);
    expect(Buffer.from(kos).includes(examinationPatient.ins[0]?.value ?? '-')).toBe(false);
  });

  it('two current reports of one study: restrictions are united, and one of them deleted takes its own back (B6)', async () => {
    const first = await publish(13, { message: { flags: { MASQUE_PS: 'Y' } } });
    const other = buildExamination({
      number: 13,
      cda: { documentId: { root: '1.2.250.1.999999.20.13.77' } },
      message: { controlId: 'EX13-OTHER', flags: { INVISIBLE_PATIENT: 'Y' } },
    });
    await flow.accepts(other.message);
    await expectStatuses(first.studyInstanceUid, ['Deprecated', 'Approved']);
    const united = (await flow.publishedOf(first.studyInstanceUid)).entry.codes['confidentiality']?.join() ?? '';
    expect(united).toContain('MASQUE_PS');
    expect(united).toContain('INVISIBLE_PATIENT');
    await flow.accepts(deletion(13, first.documentId).message);
    await expectStatuses(first.studyInstanceUid, ['Deprecated', 'Deprecated', 'Approved']);
    const left = (await flow.publishedOf(first.studyInstanceUid)).entry.codes['confidentiality']?.join() ?? '';
    expect(left).not.toContain('MASQUE_PS');
    expect(left).toContain('INVISIBLE_PATIENT');
  });

  it('a replacement that names another study: the old one is deleted, the new one published (B1, B6)', async () => {
    const first = await publish(14);
    const right = initial(15);
    await flow.keep(right.instances);
    const moved = replacement(15, 2, first.documentId);
    await flow.accepts(moved.message);
    await flow.reaches(right.studyInstanceUid, 'published');
    await expectStatuses(first.studyInstanceUid, ['Deleted']);
    expect(await statusesOf(right.studyInstanceUid)).toEqual(['Approved']);
  });

  it('a report deleted and then sent anew under another id is published again (DB.SO.15, DB.SO.18)', async () => {
    const first = await publish(16);
    await flow.accepts(deletion(16, first.documentId).message);
    await flow.reaches(first.studyInstanceUid, 'retired');
    const anew = buildExamination({
      number: 16,
      cda: { documentId: { root: '1.2.250.1.999999.20.16.9' } },
      message: { controlId: 'EX16-ANEW' },
    });
    await flow.accepts(anew.message);
    await expectStatuses(first.studyInstanceUid, ['Deleted', 'Approved']);
  });

  it('the DMP loses the answer to a replacement: found out, one current manifest (C7, C2)', async () => {
    const first = await publish(17);
    await flow.dmp.order({ kind: 'lost-answer' }, { times: 1, transaction: 'provideAndRegister' });
    await flow.accepts(replacement(17, 2, first.documentId).message);
    await expectStatuses(first.studyInstanceUid, ['Deprecated', 'Approved']);
    const view = await flow.reaches(first.studyInstanceUid, 'published');
    expect(view.orders.map(({ state }) => state)).toEqual(['accepted', 'accepted']);
    expect(view.journal.map(({ event }) => event)).toContain('dmp/replaced');
  });

  it('the DMP loses the answer to a deletion: found out, deleted once (C7)', async () => {
    const first = await publish(18);
    await flow.dmp.order({ kind: 'lost-answer' }, { times: 1, transaction: 'updateDocumentSet' });
    await flow.accepts(deletion(18, first.documentId).message);
    await flow.reaches(first.studyInstanceUid, 'retired');
    expect(await statusesOf(first.studyInstanceUid)).toEqual(['Deleted']);
  });
});
