/**
 * The orders that the report answers, and which of them belongs to a study.
 *
 * @see DICOM PS3.20 (accessionNumber) · facts/cisis.md 2.2 · decision B5
 */
import type { ImagingOrder, IssuedIdentifier } from '../standards/index.ts';
import { type CdaElement, children, descend, imagingNamespace } from './cda-element.ts';
import { issuedIdentifierOf } from './identifiers.ts';
import type { Warn } from './warnings.ts';

/**
 * One entry for each `inFulfillmentOf/order`, in document order. An order without any number keeps its place (orders
 * pair with studies by position), unless no order has one.
 */
export const parseOrders = (document: CdaElement, warn: Warn): readonly ImagingOrder[] => {
  const orders = descend(document, 'inFulfillmentOf', 'order').map((order) => orderOf(order, warn));
  return orders.every(isEmpty) ? [] : orders;
};

const isEmpty = (order: ImagingOrder): boolean =>
  order.placerOrderNumber === undefined && order.accessionNumber === undefined;

const orderOf = (order: CdaElement, warn: Warn): ImagingOrder => {
  const placerOrderNumber = firstNumber(children(order, 'id'), warn);
  const accessionNumber = firstNumber(children(order, 'accessionNumber', imagingNamespace), warn);
  if (placerOrderNumber === undefined || accessionNumber === undefined) warn('order-incomplete');
  return {
    ...(placerOrderNumber === undefined ? {} : { placerOrderNumber }),
    ...(accessionNumber === undefined ? {} : { accessionNumber }),
  };
};

const firstNumber = (ids: readonly CdaElement[], warn: Warn): IssuedIdentifier | undefined => {
  const numbers = ids.flatMap((id) => issuedIdentifierOf(id) ?? []);
  if (numbers.length > 1) warn('order-id-several');
  return numbers[0];
};

export type OrderPairing =
  | { readonly kind: 'paired'; readonly order: ImagingOrder }
  /** The report names no order: there is nothing to pair. */
  | { readonly kind: 'none' }
  /** The report names orders, and nothing says which is this study's. */
  | { readonly kind: 'unpaired' };

/**
 * Finds the order of one study: by position when there are as many orders as studies, the only order for every study,
 * else the one order whose accession number the PACS knows for the study.
 *
 * @param studies              those of the same report, in its order
 * @param studyIndex           position in `studies`, from 0
 * @param pacsAccessionNumber  (0008,0050) of the study in the PACS; '' counts as unknown
 * @see decision B5
 */
export const pairOrder = (
  orders: readonly ImagingOrder[],
  studies: readonly unknown[],
  studyIndex: number,
  pacsAccessionNumber?: string,
): OrderPairing => {
  if (orders.length === 0) return { kind: 'none' };
  const byPosition = orders.length === 1 ? orders[0] : orders[studyIndex];
  if (orders.length === 1 || orders.length === studies.length) {
    return byPosition === undefined ? { kind: 'unpaired' } : { kind: 'paired', order: byPosition };
  }
  const wanted = pacsAccessionNumber?.trim() ?? '';
  const [found, ...others] = orders.filter((order) => wanted !== '' && order.accessionNumber?.value === wanted);
  return found === undefined || others.length > 0 ? { kind: 'unpaired' } : { kind: 'paired', order: found };
};
