/** Statistics of WADO-RS and of the PACS (DB.SO.87; facts/spec.md b.14, 9–13 and 21–23; decision G5). */
import { describe, expect, test } from 'vitest';
import { type DrimboxEvent, eventTable, StatisticNumber } from '../../plugin/events.ts';
import { parseStudyInstanceUid } from '../../plugin/standards/index.ts';
import { type RetrieveResult, statisticsOfRetrieve } from '../../plugin/wado/retrieve-statistics.ts';

const result: RetrieveResult = {
  outcome: 'served',
  level: 'series',
  isMetadata: false,
  isTrusted: true,
  studyInstanceUid: parseStudyInstanceUid('1.2.250.1.999999.2.1'),
  structureId: '1999999991',
  syntaxes: new Map([
    ['1.2.840.10008.1.2.4.80', 598],
    ['1.2.840.10008.1.2.1', 2],
  ]),
  modalities: new Map([['CT', 600]]),
  pixelBytes: 314_572_801,
  pacs: { images: 600 },
};

/** As the monthly statistics add up: once, or `detail.count` times. */
const figures = (events: readonly DrimboxEvent[]): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {};
  for (const { statistic, detail } of events) {
    if (statistic === undefined) continue;
    sums[statistic] = (sums[statistic] ?? 0) + Number(detail?.['count'] ?? 1);
  }
  return sums;
};

describe('one request for images', () => {
  test('that was served counts as one request, its objects per syntax and modality, its pixels to the byte, its reading', () => {
    const events = statisticsOfRetrieve(result);
    expect(figures(events)).toEqual({ 9: 1, 11: 600, 12: 600, 13: 314.572801, 21: 1, 23: 600 });
    expect(events[0]).toEqual({
      name: 'wado/served',
      studyInstanceUid: '1.2.250.1.999999.2.1',
      structureId: '1999999991',
      statistic: StatisticNumber.wadoSeriesOk,
      detail: { level: 'series', objects: 600 },
    });
    const perSyntax = events.filter(({ statistic }) => statistic === StatisticNumber.objectsPerSyntax);
    expect(perSyntax.map(({ detail }) => detail)).toEqual([
      { count: 598, syntax: '1.2.840.10008.1.2.4.80' },
      { count: 2, syntax: '1.2.840.10008.1.2.1' },
    ]);
    for (const event of events) {
      expect(event).toMatchObject({ structureId: '1999999991', studyInstanceUid: '1.2.250.1.999999.2.1' });
      expect(eventTable[event.name]).toMatch(/^\p{Lu}/u);
    }
  });

  test.each([
    ['partial', 'wado/failed', { 10: 1 }],
    ['failed', 'wado/failed', { 10: 1 }],
    ['refused', 'wado/refused', { 10: 1 }],
    ['cancelled', 'wado/cancelled', {}],
  ] as const)('%s is %s', (outcome, name, counted) => {
    const events = statisticsOfRetrieve({
      outcome,
      level: 'series',
      isMetadata: false,
      isTrusted: true,
      errorCode: 'orthanc/timeout',
      syntaxes: new Map(),
      modalities: new Map(),
      pixelBytes: 0,
    });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ name, errorCode: 'orthanc/timeout' });
    expect(figures(events)).toEqual(counted);
  });

  test('that the requester abandoned counts what had left', () => {
    expect(figures(statisticsOfRetrieve({ ...result, outcome: 'cancelled' }))).toEqual({
      11: 600,
      12: 600,
      13: 314.572801,
      21: 1,
      23: 600,
    });
  });

  test('for which the PACS failed counts the failure, and the images that came before it', () => {
    const events = statisticsOfRetrieve({
      ...result,
      outcome: 'partial',
      pacs: { images: 7, errorCode: 'orthanc/unreachable' },
    });
    expect(figures(events)).toMatchObject({ 10: 1, 22: 1, 23: 7 });
    expect(figures(events)).not.toHaveProperty('21');
  });

  test('for metadata is told, not counted', () => {
    const events = statisticsOfRetrieve({
      ...result,
      isMetadata: true,
      syntaxes: new Map(),
      modalities: new Map(),
      pixelBytes: 0,
      pacs: { images: 0 },
    });
    expect(figures(events)).toEqual({ 21: 1 });
    expect(events[0]?.detail).toEqual({ level: 'series/metadata', objects: 0 });
  });

  test('of somebody who is not trusted makes no line: a flood would fill the journal (the audit counts it)', () => {
    expect(statisticsOfRetrieve({ ...result, outcome: 'refused', isTrusted: false })).toEqual([]);
  });
});
