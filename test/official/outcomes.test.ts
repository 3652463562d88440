/**
 * The outcome that the index of the official samples gives each of them, through our own intake and looks on a real store;
 * the PACS and the DMP are stand-ins.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import {
  type Bench,
  type BenchOptions,
  createBench,
  makeSigningIdentity,
  manifestEntryOf,
  pacsStudy,
} from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { buildExamination } from '../fixtures/examination.ts';
import { type Acknowledgment, buildOru } from '../peers/ris/index.ts';

const shared = new URL('../../../shared/data/', import.meta.url);
const hasShared = existsSync(shared);
if (!hasShared) console.warn('test/official/outcomes: skipped, the official samples (../shared) are absent');

const sample = (name: string): Uint8Array => readFileSync(new URL(name, shared));
const message = (name: string): Uint8Array => sample(`hl7/${name}`);

describe.skipIf(!hasShared)('official samples: the outcome of each message (decisions A, B)', () => {
  const patientIns = '279035121518989';
  const studyOfReports = '1.2.250.1.213.4.5.2.1.102';
  const studyOfMdm = '1.3.6.1.4.1.5962.99.1.3711725607.829148806.1687338938407.3.0';
  /** Of the legal authenticator of the RIS reports, and of the senders of the messages. */
  const structures = ['101235554', '750803447', '300017985'];

  let opened: TestStore;
  let bench: Bench;
  const signing = hasShared ? makeSigningIdentity() : { certificatePem: '', privateKeyPem: '' };
  const newBench = (options: BenchOptions = {}): Bench =>
    createBench(opened.store, signing, { structures, ...options });
  beforeAll(async () => {
    opened = await openTestStore();
  }, 60_000);
  afterAll(() => opened.close());
  beforeEach(async () => {
    await opened.empty();
    bench = newBench();
  });

  /** Images of the official patient, as an invented PACS would hold them. */
  const putImages = (uid: string, accessionNumber: string): void => {
    const studyInstanceUid = parseStudyInstanceUid(uid);
    bench.pacs.put(
      pacsStudy(1, {
        modality: 'MR',
        study: { studyInstanceUid, accessionNumber },
        identity: {
          studyInstanceUid: uid,
          accessionNumber,
          patientId: 'IPP101',
          patientName: 'PAT-TROIS^DOMINIQUE',
          birthDate: '19790328',
          sex: 'F',
        },
      }),
    );
  };
  const take = (name: string): Promise<Acknowledgment> => bench.take(message(name));
  const accept = async (...names: readonly string[]): Promise<void> => {
    for (const name of names) expect(`${name} ${(await take(name)).code}`).toBe(`${name} AA`);
  };
  const reports = async (): Promise<readonly string[]> => {
    const rows: { document_key: string; action: string; state: string }[] = await opened.store
      .knex('report')
      .orderBy('id');
    return rows.map(({ document_key: key, action, state }) => `${key.split('.').at(-1)} ${action} ${state}`);
  };
  const documents = (): readonly string[] => bench.dmp.documents().map(({ state }) => state);
  const warnings = async (): Promise<readonly unknown[]> =>
    (await bench.journal()).filter(({ name }) => name === 'report/warning').map(({ detail }) => detail?.['warning']);

  /** file → MSA-1, ERR-2, ERR-3.1, ERR-5.1; what becomes of the accepted ones is below. */
  const acknowledgments: Readonly<Record<string, readonly [string, string?, string?, string?]>> = {
    'mdm-t02_CR_Radio_INIT_N1_Base64.er7': ['AA'],
    'mdm-t10_CR_Radio_RPLC_N1.er7': ['AA'],
    'mdm-t02_CR_Radio_INIT_N1_placeholder.er7': ['AE', 'OBX^1^5', '102', ''],
    'ack-t10.er7': ['AE', 'MSH^1^9', '200', ''],
    'omi-o23_drim-m_data_sample.hl7': ['AA'],
    'omi-o23_tlr_flux4_post-acte.hl7': ['AA'],
    'orm-o01_tlr_flux1_demande.hl7': ['AE', 'MSH^1^9', '200', ''],
    'built-oru_initial.hl7': ['AA'],
    'built-mdm_t02_initial.hl7': ['AA'],
    'built-oru_replace.hl7': ['AA'],
    'built-mdm_t10_replace.hl7': ['AA'],
    'built-oru_delete.hl7': ['AA'],
    'built-mdm_t04_delete.hl7': ['AA'],
    'built-err_incoherent_oru.hl7': ['AE', 'ORC^1^1', '207', '906'],
  };

  test('every message of the folder has its row', () => {
    expect(Object.keys(acknowledgments).toSorted()).toEqual(readdirSync(new URL('hl7/', shared)).toSorted());
  });

  test.each(Object.entries(acknowledgments))('%s: %j', async (name, [code, location, condition, applicationCode]) => {
    const answer = await take(name);
    expect(answer.code).toBe(code);
    expect(answer.errors).toMatchObject(code === 'AA' ? [] : [{ location, condition, applicationCode }]);
    const rows = await opened.store.knex('message').select('outcome');
    expect(rows).toEqual([{ outcome: code === 'AA' ? 'accepted' : 'refused' }]);
    expect(bench.logged).toEqual([]);
  });

  describe('secret connection, not configured here: held (B8)', () => {
    test('mdm-t02 is taken and held, whatever the PACS has; nothing is sent', async () => {
      putImages(studyOfMdm, '');
      await accept('mdm-t02_CR_Radio_INIT_N1_Base64.er7');
      expect((await bench.look(studyOfMdm)).study).toMatchObject({
        state: 'held',
        reasonCode: 'publication/secret-connection',
      });
      expect(bench.dmp.calls).toEqual([]);
    });

    test('mdm-t10 under the same MSH-10 is another message, and replaces it: still held, its flag is Y too', async () => {
      await accept('mdm-t02_CR_Radio_INIT_N1_Base64.er7', 'mdm-t10_CR_Radio_RPLC_N1.er7');
      expect(await reports()).toEqual(['71024000081 initial replaced', '71024000082 replace current']);
      expect((await bench.look(studyOfMdm)).study).toMatchObject({ reasonCode: 'publication/secret-connection' });
    });

    test('where it is configured, the look goes on to the images', async () => {
      bench = newBench({ secretConnection: { attribute: 'Connexion_Secrete', value: 'true' } });
      await accept('mdm-t02_CR_Radio_INIT_N1_Base64.er7');
      expect((await bench.look(studyOfMdm)).study).toMatchObject({ state: 'waiting-for-images' });
    });
  });

  describe.each(['oru', 'mdm'] as const)('the story of a report by %s', (form) => {
    const name = {
      oru: { initial: 'built-oru_initial', replace: 'built-oru_replace', delete: 'built-oru_delete' },
      mdm: { initial: 'built-mdm_t02_initial', replace: 'built-mdm_t10_replace', delete: 'built-mdm_t04_delete' },
    }[form];
    const [initial, replacement, deletion] = [name.initial, name.replace, name.delete].map((one) => `${one}.hl7`) as [
      string,
      string,
      string,
    ];

    test('initial: published for the structure of the legal authenticator (A3), hidden from the patient', async () => {
      putImages(studyOfReports, 'ACN102');
      await accept(initial);
      expect(await warnings()).toEqual(expect.arrayContaining(['pid-differs:birth-place', 'modality-read-as-mr:1']));
      expect((await bench.look(studyOfReports)).study.state).toBe('published');
      const [call] = bench.dmp.calls;
      expect(call?.vihf).toMatchObject({ structureId: '1101235554', ins: { value: patientIns } });
      expect(call?.vihf.person.id).toBe('801234560804');
      expect(manifestEntryOf(call?.submission)).toContain('INVISIBLE_PATIENT');
      expect(parseManifest(call?.submission?.kos ?? new Uint8Array())).toMatchObject({
        studyInstanceUid: studyOfReports,
        requests: [{ accessionNumber: 'ACN102', placerOrderNumber: 'OPN102' }],
      });
    });

    test('where the RIS is configured so, for the structure of its sender', async () => {
      const sender = { application: 'RIS', facility: 'CENTRE_RADIO', personSource: 'prt' };
      bench = newBench({ senders: [sender] });
      putImages(studyOfReports, 'ACN102');
      await accept(initial);
      expect((await bench.look(studyOfReports)).study.state).toBe('published');
      expect(bench.dmp.calls[0]?.vihf).toMatchObject({ structureId: '1750803447', person: { id: '801234564895' } });
    });

    test('without its images: waits; with those of somebody else: held', async () => {
      await accept(initial);
      expect((await bench.look(studyOfReports)).study.state).toBe('waiting-for-images');
      putImages(studyOfReports, 'ACN999');
      expect((await bench.look(studyOfReports)).study).toMatchObject({ reasonCode: 'publication/images-mismatch' });
      expect(bench.dmp.calls).toEqual([]);
    });

    test('initial, replacement, deletion: published, replaced, deleted', async () => {
      putImages(studyOfReports, 'ACN102');
      await accept(initial);
      await bench.look(studyOfReports);
      await accept(replacement);
      expect(await reports()).toEqual(['402 initial replaced', '403 replace current']);
      await bench.look(studyOfReports);
      expect(documents()).toEqual(['deprecated', 'approved']);
      expect(manifestEntryOf(bench.dmp.documents()[1]?.submission)).toMatch(
        /^<ExtrinsicObject(?![^]*INVISIBLE_PATIENT)/,
      );
      await accept(deletion);
      expect((await reports()).slice(0, 2)).toEqual(['402 initial replaced', '403 replace deleted']);
      expect((await bench.look(studyOfReports)).study.state).toBe('retired');
      expect(documents()).toEqual(['deprecated', 'deleted']);
    });

    test('the three at once, before any look: nothing was ever to be sent', async () => {
      putImages(studyOfReports, 'ACN102');
      await accept(initial, replacement, deletion);
      expect((await bench.look(studyOfReports)).study.state).toBe('retired');
      expect(bench.dmp.calls).toEqual([]);
    });

    test('in the wrong order: the same end', async () => {
      putImages(studyOfReports, 'ACN102');
      await accept(deletion, replacement, initial);
      expect((await reports()).some((report) => report.endsWith('current'))).toBe(false);
      expect((await bench.look(studyOfReports)).study.state).toBe('retired');
    });
  });

  test.each(['omi-o23_drim-m_data_sample.hl7', 'omi-o23_tlr_flux4_post-acte.hl7'])(
    '%s: a hint for its study, and nothing more (D4)',
    async (name) => {
      const uid = '1.2.250.1.213.4.5.2.1.101';
      await bench.take(buildExamination({ cda: { studies: [{ uids: [uid] }] } }).message);
      await opened.store.knex('study').update({ look_due_at_utc_ms: null });
      bench.advance(1000);
      await accept(name);
      expect(await bench.study(uid)).toMatchObject({ state: 'new', lookDueAtUtcMs: bench.now() });
      expect((await bench.journal(uid)).at(-1)).toMatchObject({ name: 'study/hint', detail: { known: true } });
      expect(bench.dmp.calls).toEqual([]);
    },
  );

  test('in production, every message that speaks of a test patient is refused (A1)', async () => {
    bench = newBench({ environment: 'production' });
    for (const name of ['built-oru_initial.hl7', 'mdm-t02_CR_Radio_INIT_N1_Base64.er7']) {
      expect(await take(name)).toMatchObject({ code: 'AE', errors: [{ condition: '202' }] });
    }
  });

  describe('official reports, carried by an invented message', () => {
    const carry = (name: string): Promise<Acknowledgment> =>
      bench.take(
        buildOru({ cda: sample(`cda/${name}`), controlId: name.slice(0, 20), patient: { ins: patientIns, ipp: null } }),
      );

    /** file → studies it makes due, or why it is refused. */
    const outcomes: Readonly<
      Record<string, readonly string[] | { readonly condition: string; readonly code: string }>
    > = {
      'ris_transmission_initiale_cr_imagerie.xml': [studyOfReports],
      'ris_remplacement_cr_imagerie.xml': [studyOfReports],
      'IMG_CR_IMG_2024.01_CDA-R2-Niveau-1.xml': [0, 1, 2].map((index) => `1.2.250.1.925.994044.27.123.187635${index}`),
      'mdm_CR_Radio_CDAN1_v1.xml': [studyOfMdm],
      'IMG-DA-IMG_2024.01_Radiographie_IRM_Genou.xml': { condition: '207', code: 'report/type-unsupported' },
    };

    test('every report of the folder has its row', () => {
      expect(Object.keys(outcomes).toSorted()).toEqual(readdirSync(new URL('cda/', shared)).toSorted());
    });

    test.each(Object.entries(outcomes))('%s', async (name, outcome) => {
      const answer = await carry(name);
      const [row] = await opened.store.knex('message').select('outcome', 'error_code');
      if ('code' in outcome) {
        expect(answer).toMatchObject({
          code: 'AE',
          errors: [{ condition: outcome.condition, applicationCode: '906' }],
        });
        expect(row).toEqual({ outcome: 'refused', error_code: outcome.code });
        expect(await opened.store.knex('study')).toEqual([]);
        return;
      }
      expect(answer.code).toBe('AA');
      const due: string[] = await opened.store.knex('study').orderBy('study_uid').pluck('study_uid');
      expect(due).toEqual([...outcome].toSorted());
    });
  });
});
