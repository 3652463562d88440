/**
 * QIDO-RS over the one study: whatever is asked, only that study, its series and its objects are found. Of the parameters those
 * that name UIDs, the modality, `limit` and `offset` count; all others are ignored.
 *
 * @see PS3.18 §10.6, tables 10.6.3-3 to 10.6.3-5
 */
import { asDrimboxError, DrimboxError } from '../../errors.ts';
import type { Exchange, ImageDesk } from './exchange.ts';
import type { ResourceUids } from './image-resource.ts';
import { buildObjectMetadata, type ViewerAttribute, type ViewerDataset } from './object-metadata.ts';
import { answerJson } from './metadata-serving.ts';
import { isOfPacs, withStoredObject } from './stored-object.ts';
import { findViewed, type ViewedSeries, type ViewedStudy } from './viewed-study.ts';

/** What a search of each level gives, and the next levels with it. */
const studyTags = [
  '00080005',
  '00080020',
  '00080030',
  '00080050',
  '00080090',
  '00080201',
  '00081030',
  '00100010',
  '00100020',
  '00100030',
  '00100040',
  '0020000D',
  '00200010',
];
const seriesTags = ['00080021', '00080031', '00080060', '0008103E', '00180015', '00181030', '0020000E', '00200011'];
const instanceTags = ['00080016', '00080018', '00083002', '00200013', '00280008', '00280010', '00280011', '00280100'];

const pick = (dataset: ViewerDataset, tags: readonly string[]): Record<string, ViewerAttribute> =>
  Object.fromEntries(tags.flatMap((tag) => (dataset[tag] === undefined ? [] : [[tag, dataset[tag]] as const])));

const numbers = (vr: string, value: number): ViewerAttribute => ({ vr, Value: [value] });

/** The first object of the series that can be read speaks for all. @throws what the first one failed with */
const describeSeries = async (
  viewed: ViewedStudy,
  { images }: ViewedSeries,
  desk: ImageDesk,
  signal: AbortSignal,
): Promise<ViewerDataset> => {
  let failure: DrimboxError | undefined;
  for (const [place, image] of images.slice(0, 3).entries()) {
    try {
      const next = images.slice(place + 1, place + 3);
      return await withStoredObject({ image, next }, viewed, desk.objects, signal, (object) =>
        Promise.resolve(buildObjectMetadata(object)),
      );
    } catch (error) {
      if (signal.aborted || isOfPacs(error)) throw error;
      failure ??= asDrimboxError(error);
    }
  }
  throw failure ?? new DrimboxError('wado/images-gone');
};

/** Series that cannot be read are left out. */
const describeAll = async (
  exchange: Exchange,
  desk: ImageDesk,
  series: readonly ViewedSeries[],
): Promise<readonly { readonly one: ViewedSeries; readonly dataset: ViewerDataset }[]> => {
  const described: { one: ViewedSeries; dataset: ViewerDataset }[] = [];
  let failure: DrimboxError | undefined;
  for (const one of series) {
    try {
      described.push({ one, dataset: await describeSeries(exchange.viewed, one, desk, exchange.writer.signal) });
    } catch (error) {
      if (exchange.writer.signal.aborted || isOfPacs(error)) throw error;
      failure ??= asDrimboxError(error);
    }
  }
  if (described.length === 0) throw failure ?? new DrimboxError('wado/images-gone');
  return described;
};

/** A parameter by keyword or by tag; values apart by comma or backslash. Absent: everything is meant. */
const isAskedFor = (
  query: ReadonlyMap<string, string>,
  names: readonly [keyword: string, tag: string],
  value: string,
): boolean => {
  const asked = query.get(names[0]) ?? query.get(names[1]);
  return asked === undefined || asked === '' || asked.split(/[,\\]/).some((one) => one.trim() === value);
};

const countOf = (text: string | undefined, fallback: number): number =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : fallback;

const cut = <One>(found: readonly One[], query: ReadonlyMap<string, string>): readonly One[] => {
  const offset = countOf(query.get('offset'), 0);
  return found.slice(offset, offset + countOf(query.get('limit'), found.length));
};

const isStudyAskedFor = ({ query, viewed }: Exchange): boolean =>
  isAskedFor(query, ['StudyInstanceUID', '0020000D'], viewed.manifest.studyInstanceUid);

const studyOf = ({ manifest }: ViewedStudy): ResourceUids => ({ studyInstanceUid: manifest.studyInstanceUid });

export const searchStudies = async (exchange: Exchange, desk: ImageDesk): Promise<void> => {
  if (!isStudyAskedFor(exchange)) return answerJson(exchange, []);
  const series = await findViewed(exchange.viewed, studyOf(exchange.viewed), desk.images);
  const [first] = await describeAll(exchange, desk, series);
  const modalities = new Set(series.flatMap(({ images }) => images.map(({ modality }) => modality)));
  const dataset: ViewerDataset = {
    ...pick(first?.dataset ?? {}, studyTags),
    '00080061': { vr: 'CS', Value: [...modalities].filter((one) => one !== '') },
    '00201206': numbers('IS', series.length),
    '00201208': numbers(
      'IS',
      series.reduce((sum, { images }) => sum + images.length, 0),
    ),
  };
  await answerJson(exchange, cut([dataset], exchange.query));
};

export const searchSeries = async (exchange: Exchange, desk: ImageDesk, uids: ResourceUids): Promise<void> => {
  const { query } = exchange;
  const found = await findViewed(exchange.viewed, uids, desk.images);
  if (!isStudyAskedFor(exchange)) return answerJson(exchange, []);
  const series = found.filter(
    ({ seriesInstanceUid, images }) =>
      isAskedFor(query, ['SeriesInstanceUID', '0020000E'], seriesInstanceUid) &&
      isAskedFor(query, ['Modality', '00080060'], images[0]?.modality ?? ''),
  );
  const wanted = cut(series, query);
  const described = wanted.length === 0 ? [] : await describeAll(exchange, desk, wanted);
  await answerJson(
    exchange,
    described.map(({ one, dataset }) => ({
      ...pick(dataset, [...studyTags, ...seriesTags]),
      '00201209': numbers('IS', one.images.length),
    })),
  );
};

/** Objects that cannot be read are left out. */
export const searchInstances = async (exchange: Exchange, desk: ImageDesk, uids: ResourceUids): Promise<void> => {
  const { query, viewed, writer } = exchange;
  const found = await findViewed(viewed, uids, desk.images);
  if (!isStudyAskedFor(exchange)) return answerJson(exchange, []);
  const images = found
    .filter((one) => isAskedFor(query, ['SeriesInstanceUID', '0020000E'], one.seriesInstanceUid))
    .flatMap((one) => one.images)
    .filter((one) => isAskedFor(query, ['SOPInstanceUID', '00080018'], one.sopInstanceUid));
  const wanted = cut(images, query);
  const datasets: ViewerDataset[] = [];
  for (const [place, image] of wanted.entries()) {
    const next = wanted.slice(place + 1, place + 101);
    const dataset = await withStoredObject({ image, next }, viewed, desk.objects, writer.signal, (object) =>
      Promise.resolve(buildObjectMetadata(object)),
    ).catch((error: unknown) => {
      if (writer.signal.aborted || isOfPacs(error)) throw error;
      return undefined;
    });
    if (dataset !== undefined) datasets.push(pick(dataset, [...studyTags, ...seriesTags, ...instanceTags]));
  }
  await answerJson(exchange, datasets);
};
