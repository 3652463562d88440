/**
 * What the DMP must hold, written from the decisions and not from the plugin: pure, small, and as naive as it can be.
 *
 * It is told what was acknowledged (reports) and what was done (PACS), in order; for each study it says what the registry must
 * hold once all is quiet.
 *
 * @see decisions A4, A5, B1, B6, B7, C3, D1
 */
import type { Flags, NoteTitle, Owner, Record, Report, StudyNumber } from './life-world.ts';

interface KnownReport {
  readonly report: Report;
  state: 'current' | 'replaced' | 'deleted';
}

/** What stands in the PACS under one StudyInstanceUID and one PatientID. */
interface Stored {
  readonly images: Set<number>;
  /** Number of the note → what it rejects. */
  readonly notes: Map<number, { readonly title: NoteTitle; readonly images: readonly number[] }>;
}

export type Wanted =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'held';
      readonly why: string;
      /** The only record in which anything may be left (B7). Absent: the reports do not agree on one. */
      readonly record?: Record;
      /** What is published may be hidden all the same, with the images that it has: that does not wait for the PACS. */
      readonly hiding?: Pick<Extract<Wanted, { kind: 'entry' }>, 'record' | 'document' | 'flags'>;
    }
  | {
      readonly kind: 'entry';
      readonly record: Record;
      /** Document id of the report that it accompanies. */
      readonly document: string;
      readonly flags: Flags;
      readonly images: readonly number[];
    };

const none: Wanted = { kind: 'none' };
const held = (why: string, reports: readonly Report[] = []): Wanted => {
  const latest = reports.at(-1);
  if (latest === undefined) return { kind: 'held', why };
  const { record, document } = latest;
  const flags = unitedFlags(reports);
  if (!(flags.hiddenFromPatient || flags.maskedFromProfessionals)) return { kind: 'held', why, record };
  return { kind: 'held', why, record, hiding: { record, document, flags } };
};

/** Restrictions of several reports are united (B6). */
const unitedFlags = (reports: readonly Report[]): Flags => ({
  hiddenFromPatient: reports.some(({ flags }) => flags.hiddenFromPatient),
  maskedFromProfessionals: reports.some(({ flags }) => flags.maskedFromProfessionals),
});

export class LifeModel {
  readonly #reports: KnownReport[] = [];
  readonly #pacs = new Map<StudyNumber, Map<Owner, Stored>>();

  // Reports (B1) ---------------------------------------------------------------------------------------------------

  #known(document: string, record: Record): readonly KnownReport[] {
    return this.#reports.filter(({ report }) => report.document === document && report.record === record);
  }

  /** Everything that replaces the document, and what replaces that. */
  #replacementsOf(document: string, record: Record): readonly KnownReport[] {
    const next = this.#reports.filter(
      ({ report }) => report.parent === document && report.record === record && report.action === 'replace',
    );
    return next.flatMap((one) => [one, ...this.#replacementsOf(one.report.document, record)]);
  }

  #replacedBy(report: Report): readonly KnownReport[] {
    const same = this.#known(report.document, report.record);
    if (report.action !== 'replace' || report.parent === undefined) return same;
    const parents = this.#known(report.parent, report.record);
    const misfiled = this.#reports.filter(
      (one) =>
        one.report.document === report.parent &&
        one.report.record !== report.record &&
        one.report.studies.some((study) => report.studies.includes(study)),
    );
    const rivals = parents.length === 0 ? [] : this.#replacementsOf(report.parent, report.record);
    const named = [...same, ...parents, ...misfiled, ...rivals];
    if (parents.length > 0 || misfiled.length > 0) return named;
    const candidates = new Set(
      report.studies.flatMap((study) => this.currentReportsOf(study).filter((one) => one.record === report.record)),
    );
    const [only] = candidates;
    if (only === undefined || candidates.size > 1) return named;
    return [...named, ...this.#reports.filter((one) => one.report === only)];
  }

  receive(report: Report): void {
    const same = this.#known(report.document, report.record);
    if (report.action === 'delete') {
      for (const one of same) if (one.state === 'current') one.state = 'deleted';
      this.#reports.push({ report, state: 'deleted' });
      return;
    }
    const cameDeleted = same.length > 0 && same.every((one) => one.report.action === 'delete');
    const cameReplaced = this.#replacementsOf(report.document, report.record).length > 0;
    const replaced =
      cameDeleted || cameReplaced ? this.#known(report.parent ?? '', report.record) : this.#replacedBy(report);
    for (const one of replaced) if (one.state === 'current') one.state = 'replaced';
    this.#reports.push({ report, state: cameDeleted ? 'deleted' : cameReplaced ? 'replaced' : 'current' });
  }

  /** In order of arrival. */
  currentReportsOf(study: StudyNumber): readonly Report[] {
    return this.#reports
      .filter(({ state, report }) => state === 'current' && report.studies.includes(study))
      .map(({ report }) => report);
  }

  reportsEver(study: StudyNumber): readonly Report[] {
    return this.#reports.map(({ report }) => report).filter(({ studies }) => studies.includes(study));
  }

  // PACS -----------------------------------------------------------------------------------------------------------

  #stored(study: StudyNumber, owner: Owner): Stored {
    const owners = this.#pacs.get(study) ?? new Map<Owner, Stored>();
    this.#pacs.set(study, owners);
    const stored = owners.get(owner) ?? { images: new Set(), notes: new Map() };
    owners.set(owner, stored);
    return stored;
  }

  store(study: StudyNumber, owner: Owner, images: readonly number[]): void {
    for (const image of images) this.#stored(study, owner).images.add(image);
  }

  storeNote(study: StudyNumber, note: number, title: NoteTitle, images: readonly number[]): void {
    this.#stored(study, 'own').notes.set(note, { title, images });
  }

  removeImages(study: StudyNumber, images: readonly number[]): void {
    for (const owner of ['own', 'twin'] as const)
      for (const image of images) this.#stored(study, owner).images.delete(image);
  }

  removeNote(study: StudyNumber, note: number): void {
    this.#stored(study, 'own').notes.delete(note);
  }

  removeStudy(study: StudyNumber, owner: Owner): void {
    this.#pacs.get(study)?.delete(owner);
  }

  imagesOf(study: StudyNumber, owner: Owner): readonly number[] {
    return [...(this.#pacs.get(study)?.get(owner)?.images ?? [])].toSorted((a, b) => a - b);
  }

  notesOf(study: StudyNumber): readonly number[] {
    return [...(this.#pacs.get(study)?.get('own')?.notes.keys() ?? [])];
  }

  ownersOf(study: StudyNumber): readonly Owner[] {
    const owners = this.#pacs.get(study) ?? new Map<Owner, Stored>();
    return [...owners].filter(([, { images, notes }]) => images.size + notes.size > 0).map(([owner]) => owner);
  }

  /** What is left to show: no rejection note, and nothing that one rejects (C3). */
  shownOf(study: StudyNumber): readonly number[] {
    const notes = this.#pacs.get(study)?.get('own')?.notes.values() ?? [];
    const rejected = new Set([...notes].flatMap(({ images }) => images));
    return this.imagesOf(study, 'own').filter((image) => !rejected.has(image));
  }

  // The outcome ----------------------------------------------------------------------------------------------------

  wanted(study: StudyNumber): Wanted {
    const reports = this.currentReportsOf(study);
    const latest = reports.at(-1);
    if (latest === undefined) return none;
    if (reports.some(({ record }) => record !== latest.record)) return held('reports of two patients (B6)');
    const [owner, ...others] = this.ownersOf(study);
    if (owner === undefined) return none;
    if (others.length > 0) return held('two studies under one UID (A5)', reports);
    if (owner === 'twin') return held('images of somebody else (A4)', reports);
    const images = this.shownOf(study);
    if (images.length === 0) return none;
    return {
      kind: 'entry',
      record: latest.record,
      document: latest.document,
      images,
      flags: unitedFlags(reports),
    };
  }
}
