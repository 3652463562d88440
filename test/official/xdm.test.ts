/**
 * The official XDM sample (`../shared`, absent from a user's machine; nothing of it is copied here): read, re-exported in a
 * form that the schema accepts, and our own export judged by the same schema.
 *
 * What the sample is: the archive that the public proof of concept wrote in January 2024, its certificates blanked. Put back
 * as it is printed in the sample publication, the certificate gives the very signature document that the metadata describe
 * (same SHA-1), so the whole set can be judged; as published it is refused, and the reason is told.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exportXdm, importXdm, loadReport, loadStudy, type XdmImportResult } from '../../plugin/archive/index.ts';
import { parseSubmission } from '../../plugin/dmp/index.ts';
import { type Bench, createBench, makeSigningIdentity } from '../fixtures/publication/index.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import { type ArchiveFiles, inventedSender, pack, publishStudy, unpack } from '../fixtures/xdm/index.ts';

const shared = join(import.meta.dirname, '../../../shared');
const isPresent = existsSync(join(shared, 'data'));
if (!isPresent) console.warn('test/official/xdm: skipped, ../shared is absent');

const sample = (path: string): Buffer => readFileSync(join(shared, 'data', path));
const sampleStudy = '1.3.6.1.4.1.5962.99.1.3711725607.829148806.1687338938407.3.12';
const set = 'KA202401/IHE_XDM/SS000001';

/** The signature document before its certificate was blanked. */
const wholeSignature = (): Buffer => {
  const publication = sample('xds/publication.mtom.txt.xml').toString('utf8');
  const certificate = (/<(?:ds:)?X509Certificate>\s*(MI[^<]+)</.exec(publication)?.[1] ?? '').replace(/\s/g, '');
  const blanked = sample('xdm/SIGN_1.xml').toString('utf8');
  const whole = `<X509Certificate>${certificate}</X509Certificate>`;
  return Buffer.from(blanked.replace(/\s*<X509Certificate>X+<\/X509Certificate>\s*/, whole));
};

describe.skipIf(!isPresent)('the official XDM sample', () => {
  let opened: TestStore;
  let bench: Bench;
  let folder: string;
  const signing = makeSigningIdentity();
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'drimbox-xdm-'));
    opened = await openTestStore();
  }, 60_000);
  afterAll(async () => {
    await opened.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await opened.empty();
    bench = createBench(opened.store, signing);
  });

  const importWith = async (signature: Buffer): Promise<XdmImportResult> => {
    const path = join(folder, 'sample.zip');
    await pack(path, [
      ['KA202401/INDEX.HTM', sample('xdm/INDEX.HTM')],
      ['KA202401/README.TXT', sample('xdm/README.TXT')],
      [`${set}/METADATA.xml`, sample('xdm/METADATA.xml')],
      [`${set}/KOS_1_1.dcm`, sample('kos/xdm_KOS_1_1.dcm')],
      [`${set}/SIGN_1.xml`, signature],
      [`${set}/CR.TXT`, sample('xdm/CR.TXT')],
    ]);
    return importXdm(opened.store, { path, environment: 'test', isDryRun: false, clock: () => bench.now() });
  };
  const exported = async (): Promise<ArchiveFiles> => {
    const path = join(folder, 'out.zip');
    rmSync(path, { force: true });
    expect(
      (await exportXdm(opened.store.knex, { path, sender: inventedSender, clock: () => bench.now() })).leftOut,
    ).toEqual({});
    return unpack(path);
  };
  const validate = (xml: Buffer): string => {
    const file = join(folder, 'metadata.xml');
    writeFileSync(file, xml);
    const schema = join(shared, 'schemas/dmp/schema/ebRS/lcm.xsd');
    return spawnSync('xmllint', ['--nonet', '--noout', '--schema', schema, file], { encoding: 'utf8' }).stderr.trim();
  };

  it('is refused as published: its certificate is blanked, so nothing proves the signature', async () => {
    expect(await importWith(sample('xdm/SIGN_1.xml'))).toMatchObject({
      counts: { imported: 0, refused: 1 },
      items: [{ set, studyInstanceUid: sampleStudy, outcome: 'refused', code: 'dmp/signature-invalid' }],
    });
    expect(await loadStudy(opened.store.knex, sampleStudy)).toBeUndefined();
  });

  it('is imported with its certificate put back: hash, size and signature agree (DB.SO.31)', async () => {
    const signature = wholeSignature();
    const withLineEnd = createHash('sha1').update(signature).update('\n').digest('hex');
    expect(parseSubmission(sample('xdm/METADATA.xml')).signature).toMatchObject({
      hash: withLineEnd,
      size: signature.length + 1,
    });
    expect(await importWith(signature)).toMatchObject({
      counts: { imported: 1, refused: 0 },
      items: [{ outcome: 'imported' }],
    });
    expect(await loadStudy(opened.store.knex, sampleStudy)).toMatchObject({
      state: 'published',
      publishedSubmissionId: 1,
    });
    const report = await loadReport(opened.store.knex, 1);
    expect(report?.documentKey).toBe('1.2.250.1.213.1.1.6^A7102400008_6');
    expect(report?.report).toMatchObject({
      patient: {
        ins: { value: '162018885045327', oid: '1.2.250.1.213.1.4.10' },
        ipp: { value: '627028977073869316' },
        // The manifest has no given name, the metadata have.
        birthFamilyName: 'PAT-SIX',
        firstBirthGivenName: 'Alain',
        birthDate: '19960124',
        sex: 'M',
      },
      legalAuthenticator: { person: { id: '899700367909' }, organization: { id: '499700367909006' } },
      facilityType: { code: 'SA25' },
      practiceSetting: { code: 'AMBULATOIRE' },
      orders: [
        {
          accessionNumber: { value: '725229536725002', issuerOid: '1.2.840.113619.6.192' },
          placerOrderNumber: { value: '12989855962', issuerOid: '2.16.840.1.113883.6.92' },
        },
      ],
      studies: [
        {
          modalities: [{ code: 'MR', codeSystem: '1.2.840.10008.2.16.4' }],
          regions: [{ code: '63337009', codeSystem: '2.16.840.1.113883.6.96' }],
          start: '20210104092200+0000',
        },
      ],
    });
  });

  it('lacks what the national layout does not carry: role of the person, sector is the facility type (A7)', async () => {
    await importWith(wholeSignature());
    const [row] = await opened.store.knex('submission').select('sender', 'origin', 'state', 'kind', 'metadata');
    expect(row).toMatchObject({
      origin: 'xdm',
      state: 'accepted',
      kind: 'publish',
      sender: { roles: [], sector: 'SA25' },
    });
    for (const foreign of ['Envelope', 'Assertion', 'xop'])
      expect((row as { metadata: string }).metadata).not.toContain(foreign);
  });

  it('is handed on in a form that the schema accepts: the sample itself is none (C9)', async () => {
    const envelope = sample('xdm/METADATA.xml').toString('utf8');
    const request = /<ns3:SubmitObjectsRequest[\s\S]*<\/ns3:SubmitObjectsRequest>/.exec(envelope)?.[0] ?? '';
    const alone = request.replace(
      '<ns3:SubmitObjectsRequest',
      '<ns3:SubmitObjectsRequest xmlns:ns3="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"',
    );
    expect(validate(Buffer.from(alone))).toMatch(/fails to validate$/);
    await importWith(wholeSignature());
    const files = await exported();
    expect(validate(files.get(`${set}/METADATA.XML`) ?? Buffer.alloc(0))).toMatch(/validates$/);
    expect(files.get(`${set}/KOS_1_1.DCM`)?.equals(sample('kos/xdm_KOS_1_1.dcm'))).toBe(true);
    expect(files.get(`${set}/CR.TXT`)?.toString('utf8')).toBe(sample('xdm/CR.TXT').toString('utf8'));
  });

  it('our own metadata are valid in an archive, with their places and entryUUID (C9)', async () => {
    const uid = await publishStudy(bench, 1, { message: { flags: { INVISIBLE_PATIENT: 'Y' } } });
    const entryUuid = 'urn:uuid:00000000-0000-4000-8000-00000000abcd';
    await opened.store.knex('submission').where('study_uid', uid).update({ entry_uuid: entryUuid });
    const metadata = (await exported()).get('KA202603/IHE_XDM/SS000001/METADATA.XML') ?? Buffer.alloc(0);
    expect(validate(metadata)).toMatch(/validates$/);
    expect(parseSubmission(metadata).kos).toMatchObject({ uri: 'SS000001/KOS_1_1.DCM', entryUuid });
  });
});
