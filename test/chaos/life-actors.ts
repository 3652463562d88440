/**
 * Does the steps of the story on a real site: two sidecars on one PostgreSQL, a real Orthanc, the stand-in of the DMP. Every act
 * is repeated until it is surely done: a RIS sends again, a modality stores again. Misfortunes go on beside the story.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../peers/dmp/fault-orders.ts';
import type { OrthancPeer } from '../peers/orthanc/index.ts';
import type { TetheredProcess } from '../peers/postgres/index.ts';
import { connectRis } from '../peers/ris/index.ts';
import type { Site } from '../peers/site/index.ts';
import { launchSidecar, type SidecarPlace, waitUntilServing } from './crash-loop.ts';
import type { LifeModel } from './life-model.ts';
import type { DmpFault, Misfortune, Step } from './life-story.ts';
import {
  buildHint,
  buildImage,
  buildNote,
  buildReport,
  imagesOfSeries,
  imageUidOf,
  noteUidOf,
  studiesOf,
  uidOf,
  type Owner,
  type StudyNumber,
} from './life-world.ts';
import type { PowerSwitch } from './power-cut.ts';
import type { Choices } from './seeded-choices.ts';

const patience = 90_000;

/** Again and again until it is done. @throws Error with the last failure */
const insist = async <Result>(what: string, act: () => Promise<Result>): Promise<Result> => {
  const until = performance.now() + patience;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (performance.now() > until) throw new Error(`${what}: not within ${patience} ms`, { cause: error });
      await sleep(100);
    }
  }
};

const faultOf = (fault: DmpFault): Fault => {
  switch (fault) {
    case 'down':
    case 'lost-answer':
    case 'reset-mid-body':
    case 'garbage-answer':
    case 'partial-success':
      return { kind: fault };
    case 'slow':
      // Longer than the time-out of the sidecar, shorter than it waits before it believes that nothing arrived.
      return { kind: 'slow', delayMs: 2_000 };
    case 'http-503':
      return { kind: 'http', status: 503 };
    case 'http-500':
      return { kind: 'http', status: 500 };
    case 'registry-error':
      return { kind: 'registry-error', errorCode: 'XDSRepositoryMetadataError', codeContext: 'ordered' };
    case 'registry-busy':
      return { kind: 'registry-error', errorCode: 'XDSRegistryBusy', codeContext: 'ordered' };
    case 'soap-fault':
      return { kind: 'soap-fault', subcode: 'DMPInvalidRequest', reason: 'ordered' };
  }
};

interface Sidecar {
  readonly place: SidecarPlace & { readonly mllpPort: number };
  process: TetheredProcess;
  lives: number;
}

export interface LifeSite {
  readonly site: Site;
  readonly power: PowerSwitch;
  readonly sidecars: readonly (SidecarPlace & { readonly mllpPort: number })[];
}

export class LifeActors {
  readonly #place: LifeSite;
  readonly #model: LifeModel;
  readonly #choices: Choices;
  readonly #sidecars: Sidecar[] = [];
  readonly #changed: () => void;
  readonly #happening = new Set<Promise<void>>();
  readonly #met: Record<string, number> = {};
  #orthanc: OrthancPeer;
  /** Since when the images of a study are all gone, as far as the story knows: the shortest time that it can have been. */
  readonly goneSince = new Map<StudyNumber, number>();
  /** Spans without images that have ended. */
  readonly goneSpans: { readonly study: StudyNumber; readonly fromMs: number; readonly toMs: number }[] = [];

  /** @param changed  called each time that the model has learned something */
  constructor(place: LifeSite, model: LifeModel, choices: Choices, changed: () => void) {
    this.#place = place;
    this.#model = model;
    this.#choices = choices;
    this.#changed = changed;
    this.#orthanc = place.site.orthanc;
  }

  get met(): Readonly<Record<string, number>> {
    return this.#met;
  }

  /** Whatever fails beside the story ends it. */
  #beside(work: Promise<void>): void {
    const kept = work.finally(() => this.#happening.delete(kept));
    kept.catch((error: unknown) => {
      this.failure ??=
        error instanceof Error ? error : new Error('something beside the story failed', { cause: error });
    });
    this.#happening.add(kept);
  }
  failure: Error | undefined;

  async start(): Promise<void> {
    for (const place of this.#place.sidecars) {
      const process = await launchSidecar(place, 1);
      await waitUntilServing(process);
      this.#sidecars.push({ place, process, lives: 1 });
    }
  }

  // RIS ------------------------------------------------------------------------------------------------------------

  async #sendOnce(message: Uint8Array): Promise<void> {
    const { place } = this.#choices.pick(this.#sidecars);
    const connection = await connectRis({ port: place.mllpPort, timeoutMs: 10_000 });
    try {
      const { code, text } = await connection.send(message);
      if (code === 'AE') this.failure ??= new Error(`a good message was refused: ${text}`);
      if (code !== 'AA') throw new Error(code);
    } finally {
      connection.cut();
    }
  }

  #send(message: Uint8Array): Promise<void> {
    return insist('a message', async () => {
      if (this.failure !== undefined) return;
      await this.#sendOnce(message);
    });
  }

  // PACS -----------------------------------------------------------------------------------------------------------

  /** What the story thinks of the emptiness of each study, before and after an act in the PACS. */
  async #around(studies: readonly StudyNumber[], act: () => Promise<void>, note: () => void): Promise<void> {
    const isGone = (study: StudyNumber): boolean => {
      const [owner, ...others] = this.#model.ownersOf(study);
      return owner === undefined || (others.length === 0 && owner === 'own' && this.#model.shownOf(study).length === 0);
    };
    const before = new Map(studies.map((study) => [study, isGone(study)]));
    const fromMs = performance.now();
    await act();
    note();
    this.#changed();
    for (const study of studies) {
      const since = this.goneSince.get(study);
      if (isGone(study)) {
        if (since === undefined) this.goneSince.set(study, fromMs);
      } else if (since !== undefined || before.get(study) === true) {
        this.goneSince.delete(study);
        if (since !== undefined) this.goneSpans.push({ study, fromMs: since, toMs: performance.now() });
      }
    }
  }

  async #storeFile(bytes: Uint8Array): Promise<void> {
    await insist('an image', () => this.#orthanc.storeFile(bytes));
  }

  async #find(query: object): Promise<readonly string[]> {
    return insist('a search', async () => {
      const { status, text } = await this.#orthanc.call('POST', '/tools/find', query);
      if (status !== 200) throw new Error(`${status}`);
      return JSON.parse(text) as string[];
    });
  }

  async #remove(level: 'Instance' | 'Series' | 'Study' | 'Patient', query: object): Promise<void> {
    const path = { Instance: 'instances', Series: 'series', Study: 'studies', Patient: 'patients' }[level];
    // A deletion whose answer was lost has happened: then nothing is found any more.
    await insist('a deletion', async () => {
      for (const id of await this.#find({ Level: level, Query: query })) {
        const { status } = await this.#orthanc.call('DELETE', `/${path}/${id}`);
        if (status !== 200 && status !== 404) throw new Error(`${status}`);
      }
      if ((await this.#find({ Level: level, Query: query })).length > 0) throw new Error('still there');
    });
  }

  #patientIdOf(study: StudyNumber, owner: Owner): string {
    return `IPP-${owner === 'own' ? 'C' : 'T'}${Math.trunc((study - 1) / 3) + 1}`;
  }

  async #storeImages(study: StudyNumber, images: readonly number[], owner: Owner, edition: number): Promise<void> {
    for (const image of images) await this.#storeFile(buildImage(study, image, owner, edition));
  }

  async #resend(study: StudyNumber, edition: number): Promise<void> {
    const images = this.#model.imagesOf(study, 'own');
    const removal = { StudyInstanceUID: uidOf(study), PatientID: this.#patientIdOf(study, 'own') };
    const act = async (): Promise<void> => this.#remove('Study', removal);
    await this.#around([study], act, () => this.#model.removeStudy(study, 'own'));
    await this.#around(
      [study],
      () => this.#storeImages(study, images, 'own', edition),
      () => this.#model.store(study, 'own', images),
    );
  }

  // DMP and everything that dies -----------------------------------------------------------------------------------

  async #orderFault(misfortune: Extract<Misfortune, { kind: 'dmp' }>): Promise<void> {
    const { fault, times, on } = misfortune;
    const { dmp } = this.#place.site;
    this.#met[fault] = (this.#met[fault] ?? 0) + 1;
    const limits = { times, ...(fault === 'reset-mid-body' ? {} : { transaction: on }) };
    if (fault !== 'down') return dmp.order(faultOf(fault), fault === 'partial-success' ? { times } : limits);
    await dmp.order({ kind: 'down' });
    this.#beside(sleep(times * 700).then(() => dmp.clear()));
  }

  #isDown = new Set<string>();

  /** One thing dies at a time only once. */
  #once(name: string, work: () => Promise<void>): void {
    if (this.#isDown.has(name)) return;
    this.#isDown.add(name);
    this.#met[name] = (this.#met[name] ?? 0) + 1;
    this.#beside(work().finally(() => this.#isDown.delete(name)));
  }

  async #killSidecar(which: 0 | 1, downMs: number): Promise<void> {
    const sidecar = this.#sidecars[which];
    if (sidecar === undefined) return;
    await sidecar.process.kill();
    await sleep(downMs);
    // One that starts while its database is down ends, and is started again, as systemd does it.
    for (;;) {
      sidecar.lives += 1;
      sidecar.process = await launchSidecar(sidecar.place, sidecar.lives);
      try {
        return await waitUntilServing(sidecar.process);
      } catch (error) {
        if (!sidecar.process.hasEnded() || !sidecar.process.log().includes('store/unavailable')) throw error;
      }
    }
  }

  async #killOrthanc(downMs: number): Promise<void> {
    await this.#orthanc.kill();
    await sleep(downMs);
    this.#orthanc = await this.#orthanc.restart();
  }

  async #cutPower(downMs: number): Promise<void> {
    await this.#place.power.cut();
    await sleep(downMs);
    await this.#place.power.restore();
  }

  async #misfortune(misfortune: Misfortune): Promise<void> {
    switch (misfortune.kind) {
      case 'dmp':
        return this.#orderFault(misfortune);
      case 'kill-sidecar':
        return this.#once(`sidecar ${misfortune.which}`, () => this.#killSidecar(misfortune.which, misfortune.downMs));
      case 'kill-orthanc':
        return this.#once('orthanc', () => this.#killOrthanc(misfortune.downMs));
      case 'cut-postgres':
        return this.#once('postgres', () => this.#cutPower(misfortune.downMs));
    }
  }

  /** Everything lives again and behaves. A sidecar that ended by itself is a failure. */
  async calm(): Promise<void> {
    while (this.#happening.size > 0) await Promise.allSettled([...this.#happening]);
    if (this.failure !== undefined) throw this.failure;
    await this.#place.site.dmp.clear();
    for (const { process, place } of this.#sidecars) {
      await waitUntilServing(process);
      if (process.hasEnded()) throw new Error(`${place.name} ended by itself:\n${process.log().slice(-4000)}`);
    }
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#happening]);
    await Promise.all(this.#sidecars.map(({ process }) => process.stop(20_000)));
    await this.#orthanc.discard();
  }

  async storeControl(bytes: Uint8Array): Promise<void> {
    await this.#storeFile(bytes);
  }

  // The story ------------------------------------------------------------------------------------------------------

  /** Does one step, and tells the model of it once it is done. */
  async do(step: Step): Promise<void> {
    const model = this.#model;
    switch (step.kind) {
      case 'reports':
        for (const report of step.reports) {
          await this.#send(buildReport(report));
          model.receive(report);
          this.#changed();
        }
        return;
      case 'again':
        return this.#send(buildReport(step.report));
      case 'hint':
        return this.#send(buildHint(step.studies, step.controlId, step.orderControl));
      case 'store': {
        const { study, owner, images, edition } = step;
        return this.#around(
          [study],
          () => this.#storeImages(study, images, owner, edition),
          () => model.store(study, owner, images),
        );
      }
      case 'note': {
        const { study, note, title, images } = step;
        return this.#around(
          [study],
          () => this.#storeFile(buildNote(study, note, title, images)),
          () => model.storeNote(study, note, title, images),
        );
      }
      case 'remove-note':
        return this.#around(
          [step.study],
          () => this.#remove('Instance', { SOPInstanceUID: noteUidOf(step.study, step.note) }),
          () => model.removeNote(step.study, step.note),
        );
      case 'remove-images':
        return this.#around(
          [step.study],
          async () => {
            for (const image of step.images)
              await this.#remove('Instance', { SOPInstanceUID: imageUidOf(step.study, image) });
          },
          () => model.removeImages(step.study, step.images),
        );
      case 'remove-series':
        return this.#around(
          [step.study],
          () => this.#remove('Series', { SeriesInstanceUID: `${uidOf(step.study)}.${step.series}` }),
          () => model.removeImages(step.study, imagesOfSeries(step.series)),
        );
      case 'remove-study':
        return this.#around(
          [step.study],
          () =>
            this.#remove('Study', {
              StudyInstanceUID: uidOf(step.study),
              PatientID: this.#patientIdOf(step.study, step.owner),
            }),
          () => model.removeStudy(step.study, step.owner),
        );
      case 'remove-patient':
        return this.#around(
          studiesOf(step.person),
          () => this.#remove('Patient', { PatientID: `IPP-C${step.person}` }),
          () => {
            for (const study of studiesOf(step.person)) model.removeStudy(study, 'own');
          },
        );
      case 're-send':
        return this.#resend(step.study, step.edition);
      case 'misfortune':
        return this.#misfortune(step.misfortune);
    }
  }
}
