/**
 * The life of one manifest on a real Orthanc: what the DMP holds follows the report and the PACS, step by step, with nobody's
 * help. The stand-in of the DMP checks every submission; here its registry is read after each step.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseManifest } from '../../plugin/kos/index.ts';
import { examinationPatient, examinationStudy } from '../fixtures/examination.ts';
import { type FlowSite, isSiteHere, startFlowSite, type StoreKind } from './flow-site.ts';
import { judgeManifest } from './manifest-judges.ts';
import { buildInitial, buildReplacement, buildReportDeletion, imagesOf } from './report-story.ts';

const hidden = {
  patient: 'INVISIBLE_PATIENT^1.2.250.1.213.1.1.4.13',
  professionals: 'MASQUE_PS^1.2.250.1.213.1.1.4.13',
  representatives: 'INVISIBLE_REPRESENTANTS_LEGAUX^1.2.250.1.213.1.1.4.13',
} as const;
const normal = 'N^2.16.840.1.113883.5.25';

const stores: readonly StoreKind[] = ['embedded', 'postgres'];

describe.skipIf(!isSiteHere).each(stores)('the life of a KOS, store %s', (store) => {
  const number = 1;
  const { studyInstanceUid } = examinationStudy(number);
  const images = imagesOf(number, 1, 3);
  const more = imagesOf(number, 2, 3);
  const history: string[] = [];
  let flow: FlowSite;
  beforeAll(async () => {
    // The second site reads Orthanc's index by SQL.
    flow = await startFlowSite({
      store,
      sqlIndex: store === 'postgres',
      // Orthanc tells the time of the last image in whole seconds.
      publication: { DeletionDelayMinutes: 1 / 30, StabilitySeconds: 2 },
    });
  });
  afterAll(() => flow.stop());

  /** The one entry of the study that counts: the next in its history, replacing the last one where that is still there. */
  const expectCurrent = async (expected: {
    readonly images: readonly { readonly sopInstanceUid: string }[];
    readonly codes?: readonly string[];
    readonly instanceNumber: string;
  }): Promise<void> => {
    const former = (await flow.manifestsOf(studyInstanceUid)).at(history.length - 1);
    const wasThere = history.at(-1)?.startsWith('Approved') === true;
    if (wasThere) history.push((history.pop() ?? '').replace('Approved', 'Deprecated'));
    history.push(`Approved ${expected.images.length}`);
    await flow.writes(studyInstanceUid, history);
    await flow.reaches(studyInstanceUid, 'published');

    const { entry, kos } = await flow.publishedOf(studyInstanceUid);
    expect(entry.replaces).toBe(wasThere ? former?.entryUuid : undefined);
    expect(entry.codes['confidentiality']?.toSorted()).toEqual([normal, ...(expected.codes ?? [])].toSorted());
    expect(entry.patient.ins).toBe(examinationPatient.ins[0]?.value);
    expect(judgeManifest(kos)).toEqual({ errors: [], complaints: [] });
    const manifest = parseManifest(kos);
    expect(manifest.instanceNumber).toBe(expected.instanceNumber);
    const listed = manifest.series.flatMap(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid));
    expect(listed.toSorted()).toEqual(expected.images.map(({ sopInstanceUid }) => sopInstanceUid).toSorted());
    expect(await flow.alertsOf(studyInstanceUid)).toEqual([]);
  };

  const expectDeleted = async (state: 'images-gone' | 'retired'): Promise<void> => {
    history.push((history.pop() ?? '').replace('Approved', 'Deleted'));
    await flow.writes(studyInstanceUid, history);
    await flow.reaches(studyInstanceUid, state);
    expect(await flow.alertsOf(studyInstanceUid)).toEqual([]);
  };

  it('initial report: one manifest with every image (DB.SO.18)', async () => {
    await flow.keep(images);
    await flow.accepts(buildInitial(number));
    await expectCurrent({ images, instanceNumber: '1' });
  });

  it('replacement: the new manifest replaces the old one (DB.SO.21)', async () => {
    await flow.accepts(buildReplacement(number, 2));
    await expectCurrent({ images, instanceNumber: '2' });
  });

  it('hidden from the patient and the representatives (DB.SO.21, MetaDMPMSS)', async () => {
    await flow.accepts(
      buildReplacement(number, 3, {
        message: { flags: { INVISIBLE_PATIENT: 'Y', INVISIBLE_REP_LEGAUX: 'Y', MODIF_CONF_CODE: 'Y' } },
      }),
    );
    await expectCurrent({ images, codes: [hidden.patient, hidden.representatives], instanceNumber: '3' });
  });

  it('masked from professionals instead (DB.SO.21, MetaDMPMSS)', async () => {
    await flow.accepts(buildReplacement(number, 4, { message: { flags: { MASQUE_PS: 'Y', MODIF_CONF_CODE: 'Y' } } }));
    await expectCurrent({ images, codes: [hidden.professionals], instanceNumber: '4' });
  });

  it('shown again (DB.SO.21, MetaDMPMSS)', async () => {
    await flow.accepts(buildReplacement(number, 5, { message: { flags: { MODIF_CONF_CODE: 'Y' } } }));
    await expectCurrent({ images, instanceNumber: '5' });
  });

  it('images added in the PACS: replaced, without any message (DB.SO.27)', async () => {
    await flow.keep(more.filter(({ sopInstanceUid }) => !images.some((one) => one.sopInstanceUid === sopInstanceUid)));
    await expectCurrent({ images: more, instanceNumber: '6' });
  });

  const withoutOne = more.slice(1);

  it('one image deleted in the PACS: replaced without it (DB.SO.27)', async () => {
    await flow.removeFromOrthanc('Instance', more[0]?.sopInstanceUid ?? '');
    await expectCurrent({ images: withoutOne, instanceNumber: '7' });
  });

  const firstSeries = `${studyInstanceUid}.1`;
  const left = withoutOne.filter(({ seriesInstanceUid }) => seriesInstanceUid !== firstSeries);

  it('a series deleted in the PACS: replaced without it (DB.SO.27)', async () => {
    await flow.removeFromOrthanc('Series', firstSeries);
    await expectCurrent({ images: left, instanceNumber: '8' });
  });

  it('the study deleted in the PACS: deleted in the DMP, kept in the archive (DB.SO.15, DB.SO.13, D1)', async () => {
    // Something else must be found for "not found" to mean anything.
    await flow.keep(imagesOf(99, 1, 1));
    await flow.removeFromOrthanc('Study', studyInstanceUid);
    await expectDeleted('images-gone');
    const { kosBase64 } = (await flow.ask('archive', 'kos', studyInstanceUid)) as { kosBase64: string };
    expect(parseManifest(Buffer.from(kosBase64, 'base64')).studyInstanceUid).toBe(studyInstanceUid);
  });

  it('the images come back: published again under the report that is still there (DB.SO.18, DB.SO.27)', async () => {
    await flow.keep(images);
    await expectCurrent({ images, instanceNumber: '1' });
  });

  it('the report deleted: deleted in the DMP; images that come later publish nothing (DB.SO.15)', async () => {
    await flow.accepts(buildReportDeletion(number, 5));
    await expectDeleted('retired');
    await flow.keep(more);
    await flow.writes(studyInstanceUid, history);
  });

  it('tells all of it in the journal, without a single failure (DB.SO.97, DB.SO.105)', async () => {
    const view = await flow.show(studyInstanceUid);
    expect(view.orders.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'publish accepted',
      ...Array.from({ length: 7 }, () => 'replace accepted'),
      'delete accepted',
      'publish accepted',
      'delete accepted',
    ]);
    expect(view.journal.filter(({ error }) => error !== undefined)).toEqual([]);
  });
});
