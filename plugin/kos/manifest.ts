/**
 * What a manifest is made of (`ManifestContent`, `ManifestStamp`) and what is read back from one (`Manifest`).
 *
 * @see PS3.3 A.35.4, C.17.6.2 · PS3.16 TID 2010 · IHE RAD TF, RAD-68 · facts/spec.md b.3
 */
import type { HealthOrganization, ImagingOrder, PatientIdentity, ReferenceValueType } from '../standards/index.ts';

/** One instance, as DICOM has it: text, empty when absent. */
export interface ManifestInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly instanceNumber: string;
  readonly numberOfFrames: string;
}

export interface ManifestSeries {
  readonly seriesInstanceUid: string;
  readonly modality: string;
  readonly seriesNumber: string;
  readonly seriesDescription: string;
  readonly bodyPartExamined: string;
  readonly instances: readonly ManifestInstance[];
}

export interface ManifestContent {
  readonly patient: PatientIdentity;
  readonly institution: HealthOrganization;
  /** As the PACS holds it, in local time. */
  readonly study: {
    readonly studyInstanceUid: string;
    readonly studyDate: string;
    readonly studyTime: string;
    readonly studyId: string;
    readonly studyDescription: string;
    readonly referringPhysicianName: string;
  };
  /** One request item each; none: one empty item. */
  readonly orders: readonly ImagingOrder[];
  readonly actDisplayName: string;
  /** What `selectManifestInstances` gave. */
  readonly series: readonly ManifestSeries[];
  /** `https://…`, with or without a final slash; `/studies/{uid}/series/{uid}` is added. */
  readonly retrieveUrlBase: string;
}

/** What is fixed when the order is created (decision C2): the same content and stamp give the same bytes. */
export interface ManifestStamp {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly createdAtUtcMs: number;
  /** IANA name of the site's zone. */
  readonly timeZone: string;
  /** 1, then 1 more at each replacement. */
  readonly instanceNumber: number;
  readonly manufacturer: string;
  readonly softwareVersion: string;
  readonly implementationClassUid: string;
}

export interface ManifestIssuedId {
  readonly id: string;
  readonly issuer: string;
  readonly issuerOid: string;
}

export interface ManifestRequest {
  readonly studyInstanceUid: string;
  readonly accessionNumber: string;
  readonly accessionIssuerOid: string;
  readonly placerOrderNumber: string;
  readonly placerIssuerOid: string;
}

export interface ReadManifestSeries extends ManifestSeries {
  /** A manifest may name several studies. */
  readonly studyInstanceUid: string;
  readonly retrieveUrl: string;
  readonly retrieveLocationUid: string;
  readonly instances: readonly (ManifestInstance & { readonly valueType: ReferenceValueType | '' })[];
}

/** A manifest read back; values are text, empty when absent. */
export interface Manifest {
  readonly transferSyntaxUid: string;
  readonly specificCharacterSet: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesNumber: string;
  readonly instanceNumber: string;
  /** `YYYYMMDD` and `HHMMSS`, local at `timezoneOffsetFromUtc`. */
  readonly contentDate: string;
  readonly contentTime: string;
  readonly timezoneOffsetFromUtc: string;
  readonly manufacturer: string;
  readonly softwareVersions: string;
  readonly institution: HealthOrganization;
  readonly title: { readonly code: string; readonly codingScheme: string; readonly meaning: string };
  readonly study: Omit<ManifestContent['study'], 'studyInstanceUid'>;
  readonly patient: ManifestIssuedId & {
    /** As written: `family^given`. */
    readonly name: string;
    readonly birthDate: string;
    readonly sex: string;
    /** PatientComments: INSEE code of the place of birth. */
    readonly birthPlace: string;
    /** `^given names`, then the used name. */
    readonly otherNames: readonly string[];
    readonly otherIds: readonly ManifestIssuedId[];
  };
  readonly requests: readonly ManifestRequest[];
  readonly actDisplayName: string;
  readonly series: readonly ReadManifestSeries[];
  /** The whole key object description. */
  readonly description: string;
}
