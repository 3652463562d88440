/**
 * Draws the next step of the story from what is so far: a report, something in the PACS, a hint, or a misfortune. Pure but for
 * what it remembers of the threads of reports.
 */
import type { LifeModel } from './life-model.ts';
import {
  imagesOfSeries,
  imagesPerStudy,
  noteTitles,
  people,
  personOf,
  studiesOf,
  type Flags,
  type NoteTitle,
  type Owner,
  type Report,
  type StudyNumber,
} from './life-world.ts';
import type { Choices } from './seeded-choices.ts';

export type Misfortune =
  | { readonly kind: 'kill-sidecar'; readonly which: 0 | 1; readonly downMs: number }
  | { readonly kind: 'kill-orthanc'; readonly downMs: number }
  | { readonly kind: 'cut-postgres'; readonly downMs: number }
  | { readonly kind: 'dmp'; readonly fault: DmpFault; readonly times: number; readonly on: DmpTransaction };

const dmpFaults = [
  ...['down', 'lost-answer', 'slow', 'reset-mid-body', 'garbage-answer', 'partial-success'],
  ...['http-503', 'http-500', 'registry-error', 'registry-busy', 'soap-fault'],
] as const;
export type DmpFault = (typeof dmpFaults)[number];
const dmpTransactions = ['provideAndRegister', 'updateDocumentSet', 'storedQuery'] as const;
export type DmpTransaction = (typeof dmpTransactions)[number];

export type Step =
  | { readonly kind: 'reports'; readonly reports: readonly Report[] }
  /** Something that was sent before, word for word. */
  | { readonly kind: 'again'; readonly report: Report }
  | {
      readonly kind: 'store';
      readonly study: StudyNumber;
      readonly owner: Owner;
      readonly images: readonly number[];
      readonly edition: number;
    }
  | {
      readonly kind: 'note';
      readonly study: StudyNumber;
      readonly note: number;
      readonly title: NoteTitle;
      readonly images: readonly number[];
    }
  | { readonly kind: 'remove-note'; readonly study: StudyNumber; readonly note: number }
  | { readonly kind: 'remove-images'; readonly study: StudyNumber; readonly images: readonly number[] }
  | { readonly kind: 'remove-series'; readonly study: StudyNumber; readonly series: 1 | 2 }
  | { readonly kind: 'remove-study'; readonly study: StudyNumber; readonly owner: Owner }
  | { readonly kind: 'remove-patient'; readonly person: number }
  /** Removed and stored again at once, with other bytes under the same UIDs. */
  | { readonly kind: 're-send'; readonly study: StudyNumber; readonly edition: number }
  | {
      readonly kind: 'hint';
      readonly studies: readonly StudyNumber[];
      readonly orderControl: 'NW' | 'CA';
      readonly controlId: string;
    }
  | { readonly kind: 'misfortune'; readonly misfortune: Misfortune };

const shown: Flags = { hiddenFromPatient: false, maskedFromProfessionals: false };

/** One line of reports that replace one another. */
interface Thread {
  readonly number: number;
  version: number;
  latest: Report;
  isDeleted: boolean;
}

export class LifeStory {
  readonly #choices: Choices;
  readonly #model: LifeModel;
  readonly #threads: Thread[] = [];
  readonly #sent: Report[] = [];
  #count = 0;

  constructor(model: LifeModel, choices: Choices) {
    this.#model = model;
    this.#choices = choices;
  }

  #id(): number {
    this.#count += 1;
    return this.#count;
  }

  #flags(): Flags {
    const { chance } = this.#choices;
    return chance(0.5) ? shown : { hiddenFromPatient: chance(0.5), maskedFromProfessionals: chance(0.5) };
  }

  #someStudies(person: number): readonly StudyNumber[] {
    const all = studiesOf(person);
    const first = this.#choices.pick(all);
    return this.#choices.chance(0.75) ? [first] : [...new Set([first, this.#choices.pick(all)])];
  }

  #documentOf(thread: number, version: number): string {
    return `1.2.250.1.999999.22.${thread}.${version}`;
  }

  #begin(): Step {
    const number = this.#threads.length + 1;
    const person = Math.trunc(this.#choices.between(1, people + 1));
    const report: Report = {
      controlId: `L${this.#id()}`,
      document: this.#documentOf(number, 1),
      action: 'initial',
      person,
      record: this.#choices.chance(0.9) ? 'first' : 'second',
      studies: this.#someStudies(person),
      flags: this.#flags(),
      form: this.#choices.pick(['ORU', 'MDM']),
    };
    this.#threads.push({ number, version: 1, latest: report, isDeleted: false });
    return { kind: 'reports', reports: [report] };
  }

  #next(thread: Thread, changes: Partial<Report>): Report {
    thread.version += 1;
    const report: Report = {
      ...thread.latest,
      controlId: `L${this.#id()}`,
      document: this.#documentOf(thread.number, thread.version),
      action: 'replace',
      parent: thread.latest.document,
      ...changes,
    };
    thread.latest = report;
    return report;
  }

  #replace(thread: Thread): Step {
    const { pick } = this.#choices;
    const { latest } = thread;
    switch (pick(['flags', 'flags', 'same', 'studies', 'patient', 'late'] as const)) {
      case 'flags':
        return { kind: 'reports', reports: [this.#next(thread, { flags: this.#flags() })] };
      case 'same':
        return { kind: 'reports', reports: [this.#next(thread, {})] };
      case 'studies':
        return { kind: 'reports', reports: [this.#next(thread, { studies: this.#someStudies(latest.person) })] };
      case 'patient':
        return {
          kind: 'reports',
          reports: [this.#next(thread, { record: latest.record === 'first' ? 'second' : 'first' })],
        };
      case 'late': {
        // The version after the next one overtakes it.
        const one = this.#next(thread, { flags: this.#flags() });
        const other = this.#next(thread, { flags: this.#flags() });
        return { kind: 'reports', reports: [other, one] };
      }
    }
  }

  #delete(thread: Thread): Step {
    thread.isDeleted = true;
    const { parent: _, ...latest } = thread.latest;
    return { kind: 'reports', reports: [{ ...latest, controlId: `L${this.#id()}`, action: 'delete' }] };
  }

  #report(): Step {
    const alive = this.#threads.filter(({ isDeleted }) => !isDeleted);
    const wanted = people * 2;
    if (alive.length === 0 || (alive.length < wanted && this.#choices.chance(0.45))) return this.#begin();
    const thread = this.#choices.pick(alive);
    if (this.#choices.chance(0.22)) return this.#delete(thread);
    return this.#replace(thread);
  }

  /** Mostly where it matters: a study that a report names, or that has images. */
  #someStudy(): StudyNumber {
    const alive = this.#threads.filter(({ isDeleted }) => !isDeleted).flatMap(({ latest }) => latest.studies);
    const { pick, chance, between } = this.#choices;
    if (alive.length > 0 && chance(0.8)) return pick(alive);
    return pick(studiesOf(Math.trunc(between(1, people + 1))));
  }

  #subset(images: readonly number[]): readonly number[] {
    const some = images.filter(() => this.#choices.chance(0.5));
    return some.length > 0 ? some : [this.#choices.pick(images)];
  }

  #all(): readonly number[] {
    return Array.from({ length: imagesPerStudy }, (_, index) => index + 1);
  }

  #pacs(): Step {
    const { pick, chance } = this.#choices;
    const study = this.#someStudy();
    const owners = this.#model.ownersOf(study);
    const images = this.#model.imagesOf(study, 'own');
    const edition = this.#id();
    const store = (which: readonly number[]): Step => ({ kind: 'store', study, owner: 'own', images: which, edition });
    if (owners.includes('twin') && chance(0.6)) return { kind: 'remove-study', study, owner: 'twin' };
    if (images.length === 0) return store(chance(0.6) ? this.#all() : this.#subset(this.#all()));
    const notes = this.#model.notesOf(study);
    if (notes.length > 0 && chance(0.4)) return { kind: 'remove-note', study, note: pick(notes) };
    switch (
      pick([
        'store',
        'store',
        'note',
        'image',
        'image',
        'series',
        'study',
        'study',
        're-send',
        'patient',
        'twin',
      ] as const)
    ) {
      case 'store':
        return store(this.#subset(this.#all()));
      case 'note':
        return {
          kind: 'note',
          study,
          note: (edition % 900) + 1,
          title: pick(noteTitles),
          images: chance(0.3) ? this.#all() : this.#subset(images),
        };
      case 'image':
        return { kind: 'remove-images', study, images: this.#subset(images).slice(0, 2) };
      case 'series': {
        const series = pick([1, 2] as const);
        const has = imagesOfSeries(series).some((image) => images.includes(image));
        return { kind: 'remove-series', study, series: has ? series : series === 1 ? 2 : 1 };
      }
      case 'study':
        return { kind: 'remove-study', study, owner: 'own' };
      case 're-send':
        return { kind: 're-send', study, edition };
      case 'patient':
        return chance(0.5)
          ? { kind: 'remove-patient', person: personOf(study) }
          : { kind: 'remove-study', study, owner: 'own' };
      case 'twin':
        return { kind: 'store', study, owner: 'twin', images: this.#subset(this.#all()), edition };
    }
  }

  #misfortune(): Step {
    const { pick, between } = this.#choices;
    const downMs = Math.trunc(between(0, 2500));
    const kinds = ['dmp', 'dmp', 'dmp', 'dmp', 'kill-sidecar', 'kill-sidecar', 'kill-orthanc', 'cut-postgres'] as const;
    const kind = pick(kinds);
    switch (kind) {
      case 'dmp':
        return {
          kind: 'misfortune',
          misfortune: { kind, fault: pick(dmpFaults), times: Math.trunc(between(1, 4)), on: pick(dmpTransactions) },
        };
      case 'kill-sidecar':
        return { kind: 'misfortune', misfortune: { kind, which: pick([0, 1] as const), downMs } };
      case 'kill-orthanc':
      case 'cut-postgres':
        return { kind: 'misfortune', misfortune: { kind, downMs } };
    }
  }

  draw(): Step {
    const { chance, pick } = this.#choices;
    if (chance(0.13)) return this.#misfortune();
    if (chance(0.05)) {
      const studies = [...new Set([this.#someStudy(), this.#someStudy()])];
      return { kind: 'hint', studies, orderControl: pick(['NW', 'CA']), controlId: `H${this.#id()}` };
    }
    if (this.#sent.length > 0 && chance(0.05)) return { kind: 'again', report: pick(this.#sent) };
    const step = chance(0.4) ? this.#report() : this.#pacs();
    if (step.kind === 'reports') this.#sent.push(...step.reports);
    return step;
  }
}
