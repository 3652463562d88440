/**
 * What a manifest says of its examination beside the names of its objects: who the patient is, when and where it was made,
 * what its series are called. For a screen that may show it.
 */
import type { Knex } from 'knex';
import { type Manifest, type ManifestContent, parseManifest } from '../kos/index.ts';
import type { InsIdentifier } from '../standards/index.ts';

export interface ArchivedSeries {
  readonly seriesInstanceUid: string;
  readonly modality: string;
  readonly seriesNumber: string;
  /** '' when there is none. */
  readonly description: string;
  /** Frames of all its objects; an object without frames counts as one. */
  readonly frames: number;
  readonly sopClassUids: readonly string[];
}

export interface ArchivedExamination {
  /** Identity: never to be logged. */
  readonly patient: {
    readonly ins: { readonly value: string; readonly oid: string };
    readonly birthFamilyName: string;
    readonly firstBirthGivenName: string;
    /** All of them, as sent. */
    readonly birthGivenNames: string;
    readonly usedFamilyName?: string;
    /** `YYYYMMDD` */
    readonly birthDate: string;
    readonly sex: string;
    readonly birthPlace?: string;
  };
  readonly study: {
    /** `YYYYMMDD`, '' when unknown. */
    readonly date: string;
    readonly description: string;
    readonly institution: string;
  };
  /** In the order of the manifest. */
  readonly series: readonly ArchivedSeries[];
}

type NamedSeries = Pick<
  ManifestContent['series'][number],
  'seriesInstanceUid' | 'modality' | 'seriesNumber' | 'seriesDescription' | 'instances'
>;

const seriesOf = ({ seriesInstanceUid, modality, seriesNumber, ...one }: NamedSeries): ArchivedSeries => ({
  seriesInstanceUid,
  modality,
  seriesNumber,
  description: one.seriesDescription,
  frames: one.instances.reduce((sum, { numberOfFrames }) => sum + Math.max(1, Number(numberOfFrames) || 1), 0),
  sopClassUids: [...new Set(one.instances.map(({ sopClassUid }) => sopClassUid))],
});

const fromContent = ({
  patient,
  study,
  institution,
  actDisplayName,
  series,
}: ManifestContent): ArchivedExamination => ({
  patient,
  study: {
    date: study.studyDate,
    description: study.studyDescription || actDisplayName,
    institution: institution.name,
  },
  series: series.map(seriesOf),
});

/**
 * Imported manifests have their bytes alone.
 *
 * @param ins  under which it was imported: elsewhere the patient's first identifier may be a local one
 */
const fromManifest = (
  { patient, study, institution, actDisplayName, series }: Manifest,
  ins: InsIdentifier,
): ArchivedExamination => {
  const [family = '', given = ''] = patient.name.split('^');
  const [others = ''] = patient.otherNames;
  const [used = ''] = patient.otherNames.find((name) => !name.startsWith('^'))?.split('^') ?? [];
  return {
    patient: {
      ins,
      birthFamilyName: family,
      firstBirthGivenName: given,
      birthGivenNames: others.startsWith('^') ? others.slice(1) : given,
      ...(used === '' ? {} : { usedFamilyName: used }),
      birthDate: patient.birthDate,
      sex: patient.sex,
      ...(patient.birthPlace === '' ? {} : { birthPlace: patient.birthPlace }),
    },
    study: {
      date: study.studyDate,
      description: study.studyDescription || actDisplayName,
      institution: institution.name,
    },
    series: series.map(seriesOf),
  };
};

interface Row {
  readonly manifest: ManifestContent | Record<string, never>;
  readonly kos: Uint8Array;
  readonly sender: { readonly ins: InsIdentifier };
}

const hasContent = (manifest: Row['manifest']): manifest is ManifestContent => 'patient' in manifest;

/**
 * @param submissionId  of the manifest that is served now
 * @returns undefined: no such submission
 * @throws store/unavailable; kos/*: the bytes of an imported manifest cannot be read
 */
export type LoadArchivedExamination = (submissionId: number) => Promise<ArchivedExamination | undefined>;

export const createLoadArchivedExamination =
  (knex: Knex): LoadArchivedExamination =>
  async (submissionId) => {
    const row: Row | undefined = await knex('submission')
      .where({ id: submissionId })
      .first('manifest', 'kos', 'sender');
    if (row === undefined) return undefined;
    return hasContent(row.manifest) ? fromContent(row.manifest) : fromManifest(parseManifest(row.kos), row.sender.ins);
  };
