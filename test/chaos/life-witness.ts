/**
 * Watches the registry all along, and compares it with the model when all is quiet.
 *
 * Always: at most one current manifest of a study; each in the record that a received report said; nothing deleted without a
 * cause in the story. When quiet: exactly what the model wants; where it says "held", what there was before the hold, or nothing.
 */
import type { LifeActors } from './life-actors.ts';
import type { LifeModel, Wanted } from './life-model.ts';
import type { LifeRegistry, Published } from './life-registry.ts';
import { allStudies, type Record, type StudyNumber } from './life-world.ts';

/** From the last look of the sidecar at reports and PACS to the DMP's answer, with everything slow. */
const slackMs = 12_000;

const sayEntry = ({
  record,
  document,
  flags,
  images,
}: Pick<Published, 'record' | 'document' | 'flags' | 'images'>): string =>
  `${record} ${document.split('.').slice(-2).join('.')} ${flags.hiddenFromPatient ? 'hidden ' : ''}` +
  `${flags.maskedFromProfessionals ? 'masked ' : ''}[${images.join(',')}]`;

/** Without its images: during a hold they may be those of any moment. */
const sayHead = (entry: Omit<Parameters<typeof sayEntry>[0], 'images'>): string => sayEntry({ ...entry, images: [] });

/** Nothing is in every record. */
const isIn = (record: Record, head: string): boolean => head === 'nothing' || head.startsWith(`${record} `);

export interface WitnessOptions {
  readonly deletionDelayMs: number;
}

export class LifeWitness {
  readonly #model: LifeModel;
  readonly #registry: LifeRegistry;
  readonly #options: WitnessOptions;
  #actors: LifeActors | undefined;
  readonly #statuses = new Map<string, Published['status']>();
  /** When the reports last did not want the study in that record. */
  readonly #unwantedAt = new Map<string, number>();
  /** What a held study may show: everything that was wanted since all was quiet. */
  readonly #memories = new Map<StudyNumber, Set<string>>(allStudies.map((study) => [study, new Set(['nothing'])]));
  #sampledAt = performance.now();
  deletions = 0;

  constructor(model: LifeModel, registry: LifeRegistry, options: WitnessOptions) {
    this.#model = model;
    this.#registry = registry;
    this.#options = options;
  }

  watch(actors: LifeActors): void {
    this.#actors = actors;
  }

  /** The model has learned something. */
  remember(): void {
    const now = performance.now();
    for (const study of allStudies) {
      const reports = this.#model.currentReportsOf(study);
      for (const record of ['first', 'second'] as const) {
        if (!reports.some((report) => report.record === record)) this.#unwantedAt.set(`${study} ${record}`, now);
      }
      const wanted = this.#model.wanted(study);
      if (wanted.kind === 'entry') this.#memories.get(study)?.add(sayHead(wanted));
      if (wanted.kind === 'held') this.#rememberHold(study, wanted);
      if (wanted.kind === 'none') this.#memories.get(study)?.add('nothing');
    }
  }

  #rememberHold(study: StudyNumber, { record, hiding }: Extract<Wanted, { kind: 'held' }>): void {
    const memories = this.#memories.get(study) ?? new Set();
    // Out of the other patient's record without waiting for the end of the hold, and nothing yet in the right one (B7).
    if (record !== undefined && [...memories].some((head) => !isIn(record, head))) memories.add('nothing');
    if (hiding !== undefined) memories.add(sayHead(hiding));
  }

  #wasUnwanted(study: StudyNumber, record: Record, sinceMs: number): boolean {
    return (this.#unwantedAt.get(`${study} ${record}`) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  /** Its images were gone for the whole delay, and that was lately. */
  #wereGone(study: StudyNumber, sinceMs: number): boolean {
    const { deletionDelayMs } = this.#options;
    const now = performance.now();
    const { goneSince, goneSpans } = this.#actors ?? { goneSince: new Map<StudyNumber, number>(), goneSpans: [] };
    const since = goneSince.get(study);
    if (since !== undefined && now - since >= deletionDelayMs) return true;
    return goneSpans.some(
      (span) => span.study === study && span.toMs >= sinceMs && span.toMs - span.fromMs >= deletionDelayMs,
    );
  }

  #checkEntry(entry: Published): string[] {
    const { study, record, document, images, status, entryUuid } = entry;
    const found: string[] = [];
    const known = this.#model
      .reportsEver(study)
      .some((report) => report.document === document && report.record === record && report.action !== 'delete');
    if (!known) found.push(`study ${study}: ${sayEntry(entry)} that no report asked for`);
    if (images.length === 0 || images.includes(0)) found.push(`study ${study}: images ${images.join(',')}`);
    const before = this.#statuses.get(entryUuid);
    this.#statuses.set(entryUuid, status);
    if (status !== 'Deleted' || before === 'Deleted' || record === 'nobody we know') return found;
    this.deletions += 1;
    const sinceMs = this.#sampledAt - slackMs;
    if (!this.#wasUnwanted(study, record, sinceMs) && !this.#wereGone(study, sinceMs)) {
      found.push(`study ${study}: ${sayEntry(entry)} was deleted without a cause`);
    }
    return found;
  }

  #checkOnce(entries: readonly Published[]): string[] {
    const approved = Map.groupBy(
      entries.filter(({ status }) => status === 'Approved'),
      ({ study }) => study,
    );
    return [...approved].flatMap(([study, ones]) =>
      ones.length > 1 ? [`study ${study}: ${ones.length} current manifests: ${ones.map(sayEntry).join(' and ')}`] : [],
    );
  }

  /** What must never be, whatever is going on. */
  async sample(): Promise<readonly string[]> {
    const entries = await this.#registry.read();
    const now = performance.now();
    const wrong = [...entries.flatMap((entry) => this.#checkEntry(entry)), ...this.#checkOnce(entries)];
    this.#sampledAt = now;
    return wrong;
  }

  #compare(study: StudyNumber, current: Published | undefined): string[] {
    const wanted = this.#model.wanted(study);
    const found = current === undefined ? 'nothing' : sayEntry(current);
    switch (wanted.kind) {
      case 'none':
        return current === undefined ? [] : [`study ${study}: ${found} instead of nothing`];
      case 'entry': {
        const expected = sayEntry(wanted);
        return found === expected ? [] : [`study ${study}: ${found} instead of ${expected}`];
      }
      case 'held': {
        const head = current === undefined ? 'nothing' : sayHead(current);
        const memories = [...(this.#memories.get(study) ?? [])].filter(
          (memory) => wanted.record === undefined || isIn(wanted.record, memory),
        );
        return memories.includes(head)
          ? []
          : [`study ${study}: ${found} while held (${wanted.why}); it may show ${memories.join(' or ')}`];
      }
    }
  }

  /** The difference between the registry and the model. */
  async compare(): Promise<readonly string[]> {
    const current = (await this.#registry.read()).filter(({ status }) => status === 'Approved');
    return [
      ...allStudies.flatMap((study) =>
        this.#compare(
          study,
          current.find((entry) => entry.study === study),
        ),
      ),
      ...this.#checkOnce(current),
    ];
  }

  /** All is quiet and as it must be: what a held study may show begins here. */
  async settle(): Promise<void> {
    const current = (await this.#registry.read()).filter(({ status }) => status === 'Approved');
    for (const study of allStudies) {
      const entry = current.find((one) => one.study === study);
      this.#memories.set(study, new Set([entry === undefined ? 'nothing' : sayHead(entry)]));
    }
  }
}
