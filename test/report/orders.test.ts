import { describe, expect, test } from 'vitest';
import { pairOrder, parseImagingReport } from '../../plugin/report/index.ts';
import type { ImagingOrder } from '../../plugin/standards/index.ts';
import { buildCda, buildCdaText, inventedOrder } from '../fixtures/report/build-cda.ts';
import { parseText, spoil } from '../fixtures/report/refusal.ts';

const order = (n: number): ImagingOrder => ({
  placerOrderNumber: { value: `DEM-${n}`, issuerOid: '2.25.1' },
  accessionNumber: { value: `ACC-${n}`, issuerOid: '2.25.2' },
});

describe('orders of a report', () => {
  test('keep numbers and issuers, in document order', () => {
    expect(parseImagingReport(buildCda({ orders: [order(2), order(1)] })).orders).toEqual([order(2), order(1)]);
  });

  test('may be absent', () => {
    expect(parseImagingReport(buildCda({ orders: [] }))).toMatchObject({ orders: [], warnings: [] });
  });

  test('know the accession number by the namespace of DICOM PS3.20, whatever its prefix', () => {
    const text = buildCdaText();
    expect(parseText(text.replaceAll('ps3-20:', 'x:').replace('xmlns:ps3-20', 'xmlns:x')).orders).toEqual([
      inventedOrder,
    ]);
    const misplaced = parseText(spoil(text, 'urn:dicom-org:ps3-20', 'urn:example:other'));
    expect(misplaced.orders).toEqual([{ placerOrderNumber: inventedOrder.placerOrderNumber }]);
    expect(misplaced.warnings).toEqual(['order-incomplete']);
  });

  test('an empty order keeps its place: without it the next one would pair with the wrong study', () => {
    const studies = [{ uids: ['2.25.1'] }, { uids: ['2.25.2'] }];
    const report = parseImagingReport(buildCda({ orders: [{}, order(2)], studies }));
    expect(report.orders).toEqual([{}, order(2)]);
    expect(pairOrder(report.orders, report.studies, 0)).toEqual({ kind: 'paired', order: {} });
    expect(parseImagingReport(buildCda({ orders: [{}, {}], studies })).orders).toEqual([]);
  });

  test('several numbers of one kind: the first, with a remark', () => {
    const text = spoil(buildCdaText(), '<ps3-20:acc', '<id root="2.25.1" extension="DEM-9"/><ps3-20:acc');
    expect(parseText(text)).toMatchObject({ orders: [inventedOrder], warnings: ['order-id-several'] });
  });
});

describe('the order of one study (decision B5)', () => {
  const studies = (n: number) => Array.from({ length: n });

  test('by position when there are as many orders as studies', () => {
    const orders = [order(1), order(2), order(3)];
    for (const i of [0, 1, 2]) {
      expect(pairOrder(orders, studies(3), i, 'ACC-1')).toEqual({ kind: 'paired', order: orders[i] });
    }
  });

  test('one order serves all studies', () => {
    expect(pairOrder([order(1)], studies(3), 2, 'ACC-9')).toEqual({ kind: 'paired', order: order(1) });
  });

  test('else by the accession number in the PACS', () => {
    expect(pairOrder([order(1), order(2)], studies(3), 0, 'ACC-2')).toEqual({ kind: 'paired', order: order(2) });
    expect(pairOrder([order(1), order(2)], studies(1), 0, ' ACC-1 ')).toEqual({ kind: 'paired', order: order(1) });
  });

  test.each([undefined, '', 'ACC-9', 'acc-1'])('no pair when the PACS says %j: the study is held', (accession) => {
    expect(pairOrder([order(1), order(2)], studies(3), 0, accession)).toEqual({ kind: 'unpaired' });
  });

  test('no pair when two orders carry the accession number, or none: it tells nothing', () => {
    const twice = { ...order(2), accessionNumber: { value: 'ACC-1' } };
    expect(pairOrder([order(1), twice], studies(3), 0, 'ACC-1')).toEqual({ kind: 'unpaired' });
    expect(pairOrder([{}, { accessionNumber: { value: '' } }], studies(3), 0, '')).toEqual({ kind: 'unpaired' });
  });

  test('no order, no pair, nothing to hold', () => {
    expect(pairOrder([], studies(2), 0, 'ACC-1')).toEqual({ kind: 'none' });
  });

  test('a position outside the studies pairs with nothing', () => {
    expect(pairOrder([order(1), order(2)], studies(2), 2)).toEqual({ kind: 'unpaired' });
  });
});
