/** What a grant opens: one study, by one manifest, in one patient's record, behind one report. */
import type { InsIdentifier } from '../standards/index.ts';
import { openContent, sealContent } from './sealed-content.ts';

export interface GrantContent {
  readonly studyInstanceUid: string;
  /** SOPInstanceUID of the manifest: what it names, and whether it is still served, is asked anew at each call. */
  readonly kosSopInstanceUid: string;
  /** Of the record when it was opened: another one by now closes it. */
  readonly ins: InsIdentifier;
  /** Of the archived report. */
  readonly reportId: number;
  /** Where the link named one: what is shown first. It narrows nothing. */
  readonly seriesInstanceUid?: string;
}

/** Permission for one session to look at one study. */
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
  const content = openContent(cookie, rowName(row.value), row.sealed) as GrantContent | undefined;
  if (content === undefined) return undefined;
  const { studyInstanceUid, kosSopInstanceUid, ins, reportId, seriesInstanceUid } = content;
  return {
    value: row.value,
    createdAtUtcMs: Number(row.created_at_utc_ms),
    studyInstanceUid,
    kosSopInstanceUid,
    ins,
    reportId,
    ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
  };
};

export const isSameContent = (a: GrantContent, b: GrantContent): boolean =>
  a.studyInstanceUid === b.studyInstanceUid &&
  a.kosSopInstanceUid === b.kosSopInstanceUid &&
  a.reportId === b.reportId &&
  a.seriesInstanceUid === b.seriesInstanceUid &&
  a.ins.value === b.ins.value &&
  a.ins.oid === b.ins.oid;
