/** Invented studies of an Orthanc in an archive, as after their publication. */
import { createOrthancClient, createRestStudyIndex, orthancOptions } from '../../plugin/orthanc/index.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { openStore } from '../../plugin/store/index.ts';
import { buildExamination, examinationStudy } from '../../test/fixtures/examination.ts';
import { createBench, makeSigningIdentity, pacsStudy } from '../../test/fixtures/publication/index.ts';

/**
 * @param where    the archive: empty before, closed again after
 * @param studies  numbers of invented examinations that Orthanc has
 * @returns SOPInstanceUID of the manifest of each study, in their order
 */
export const publishStudies = async (
  where: { readonly url: string; readonly folder: string },
  orthancUrl: string,
  studies: readonly number[],
): Promise<readonly string[]> => {
  const client = createOrthancClient(orthancOptions.parse({ url: orthancUrl, hook: { secretFile: '/dev/null' } }));
  const store = await openStore(where);
  try {
    const bench = createBench(store, makeSigningIdentity());
    for (const number of studies) {
      const { studyInstanceUid } = examinationStudy(number);
      const found = await createRestStudyIndex(client).lookup(parseStudyInstanceUid(studyInstanceUid));
      if (found.kind !== 'found') throw new Error(`study ${number} is ${found.kind}`);
      const [identity] = pacsStudy(number).identities.values();
      if (identity === undefined) throw new Error('no identity');
      const first = found.study.series[0]?.instances[0]?.orthancId ?? '';
      bench.pacs.put({ study: found.study, identities: new Map([[first, identity]]), keyObjects: new Map() });
      await bench.take(buildExamination({ number }).message);
      const { state, reasonCode } = (await bench.look(studyInstanceUid)).study;
      if (state !== 'published') throw new Error(`study ${number} is ${state} ${reasonCode ?? ''}`);
    }
    const rows = await store.knex('submission').select('document_uid').orderBy('id');
    return rows.map(({ document_uid: uid }) => uid as string);
  } finally {
    await store.close();
  }
};
