/** What a grant opens: the studies behind one link of a report, each in one patient's record. */
import type { InsIdentifier } from '../standards/index.ts';
import { openContent, sealContent } from './sealed-content.ts';

/** Whether it is still published, to whom it is shown and by which manifest is asked anew at each call. */
export interface OpenedStudy {
  readonly studyInstanceUid: string;
  /** Of the record when it was opened: another one by now closes it. */
  readonly ins: InsIdentifier;
}

export interface GrantContent {
  /** That of the link, then the report's others. */
  readonly studies: readonly [OpenedStudy, ...OpenedStudy[]];
  /** The link that was opened, as its query: where a person signs in again. */
  readonly link: string;
  /** Where the link named one: what is shown first. It narrows nothing. */
  readonly seriesInstanceUid?: string;
}

/** Permission for one session to look at the studies of one link. */
export interface Grant extends GrantContent {
  /** In addresses; means nothing without the cookie of its session. */
  readonly value: string;
  readonly createdAtUtcMs: number;
}

export interface GrantRow {
  readonly value: string;
  readonly created_at_utc_ms: number;
  readonly sealed: Uint8Array;
}

const rowName = (value: string): string => `grant ${value}`;

export const sealGrant = (cookie: string, value: string, content: GrantContent, nonce: Uint8Array): Buffer =>
  sealContent(cookie, rowName(value), content, nonce);

/** @returns undefined when it does not open with this cookie */
export const readGrant = (row: GrantRow, cookie: string): Grant | undefined => {
  const content = openContent(cookie, rowName(row.value), row.sealed) as Partial<GrantContent> | undefined;
  const { studies, link, seriesInstanceUid } = content ?? {};
  // Of a version whose grants opened one study: that person opens the link again.
  if (studies === undefined || link === undefined) return undefined;
  return {
    value: row.value,
    createdAtUtcMs: Number(row.created_at_utc_ms),
    studies,
    link,
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
  };
};

const isSameStudy = (a: OpenedStudy, b: OpenedStudy | undefined): boolean =>
  a.studyInstanceUid === b?.studyInstanceUid && a.ins.value === b.ins.value && a.ins.oid === b.ins.oid;

export const isSameContent = (a: GrantContent, b: GrantContent): boolean =>
  a.link === b.link &&
  a.seriesInstanceUid === b.seriesInstanceUid &&
  a.studies.length === b.studies.length &&
  a.studies.every((study, at) => isSameStudy(study, b.studies[at]));
