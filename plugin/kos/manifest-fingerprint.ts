/**
 * Whether two manifests say the same, whatever bytes they are made of.
 *
 * @see decision C1: an upgrade of this software, a new base URL or a new time of creation republishes nothing
 */
import { createHash } from 'node:crypto';
import {
  documentIdKey,
  type DocumentId,
  type ImagingOrder,
  type PatientIdentity,
  type Visibility,
} from '../standards/index.ts';

/** What counts; a `ManifestContent` fits `content`, and what else it holds does not count. */
export interface ManifestFingerprintInput {
  readonly content: {
    readonly patient: PatientIdentity;
    readonly study: { readonly studyInstanceUid: string };
    readonly orders: readonly ImagingOrder[];
    readonly series: readonly {
      readonly seriesInstanceUid: string;
      readonly instances: readonly { readonly sopInstanceUid: string; readonly sopClassUid: string }[];
    }[];
  };
  /** The report that the manifest accompanies. */
  readonly reportId: DocumentId;
  readonly visibility: Visibility;
}

const issued = (id: { readonly value: string; readonly issuerOid?: string } | undefined): readonly string[] =>
  id === undefined ? [] : [id.value, id.issuerOid ?? ''];

/** Sorted and without doubles, so that the order in which the PACS or the report lists things does not count. */
const asSet = (rows: readonly unknown[]): readonly string[] =>
  [...new Set(rows.map((row) => JSON.stringify(row)))].toSorted();

/** @returns SHA-256 in hexadecimal over study, instances, identity, requests, report and visibility */
export const manifestFingerprint = ({ content, reportId, visibility }: ManifestFingerprintInput): string => {
  const { patient, study, orders, series } = content;
  const canonical = JSON.stringify([
    // Version of this canonical form: changing it republishes every study.
    'kos-1',
    study.studyInstanceUid,
    asSet(
      series.flatMap(({ seriesInstanceUid, instances }) =>
        instances.map(({ sopInstanceUid, sopClassUid }) => [seriesInstanceUid, sopInstanceUid, sopClassUid]),
      ),
    ),
    [
      [patient.ins.value, patient.ins.oid],
      issued(patient.ipp),
      patient.birthFamilyName,
      patient.firstBirthGivenName,
      patient.birthGivenNames,
      patient.usedFamilyName ?? '',
      patient.usedGivenName ?? '',
      patient.birthDate,
      patient.sex,
      patient.birthPlace ?? '',
    ],
    asSet(orders.map((order) => [issued(order.placerOrderNumber), issued(order.accessionNumber)])),
    documentIdKey(reportId),
    [
      visibility.maskedFromProfessionals,
      visibility.invisibleToPatient,
      visibility.invisibleToRepresentatives,
      visibility.secretConnection,
    ],
  ]);
  return createHash('sha256').update(canonical).digest('hex');
};
