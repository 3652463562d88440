/**
 * The site that a flow runs on: which Orthanc (DRIMBOX_TEST_ORTHANC: 1.10 unless it says 1.12), which store, and what a
 * flow asks of it in one word. One site serves a whole file: each flow takes examinations of numbers of its own.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, vi } from 'vitest';
import { askSidecar } from '../../plugin/admin/index.ts';
import { parseManifest } from '../../plugin/kos/index.ts';
import type { StudyState } from '../../plugin/archive/index.ts';
import type { ErrorCode } from '../../plugin/errors.ts';
import type { EventName } from '../../plugin/events.ts';
import type { RegistryEntry } from '../peers/dmp/registry.ts';
import { isOrthancHere, type OrthancPeer, type OrthancVersion } from '../peers/orthanc/index.ts';
import { type Postgres, startPostgres } from '../peers/postgres/index.ts';
import type { Acknowledgment, RisConnection } from '../peers/ris/index.ts';
import { type Site, type SiteOptions, startSite } from '../peers/site/index.ts';
import { PacsGate } from './pacs-gate.ts';
import { TcpGate } from './tcp-gate.ts';

export const orthancVersion: OrthancVersion = process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10';

/** False, and said why, where the asked Orthanc is not installed: the flows are then skipped. */
export const isSiteHere = isOrthancHere(orthancVersion);

export type StoreKind = 'embedded' | 'postgres';

/** What `drimbox archive show` says, as far as flows look at it. */
export interface StudyView {
  readonly state: StudyState;
  readonly reason?: ErrorCode;
  readonly detail?: string;
  readonly nextLookAt?: string;
  readonly reports: readonly { readonly state: string; readonly action: string; readonly documentId: string }[];
  readonly orders: readonly {
    readonly kind: string;
    readonly state: string;
    readonly kosSopInstanceUid: string;
    readonly failedAttempts: number;
  }[];
  readonly answers: readonly { readonly transaction: string; readonly outcome: string; readonly error?: ErrorCode }[];
  readonly journal: readonly {
    readonly event: EventName;
    readonly error?: ErrorCode;
    readonly detail?: Readonly<Record<string, unknown>>;
  }[];
}

export interface AlertView {
  readonly code: ErrorCode;
  readonly subject: string;
  readonly count: number;
  readonly clearedAt?: string;
}

type Section = Record<string, Record<string, unknown>>;

export interface FlowSiteOptions extends Pick<SiteOptions, 'prepare'> {
  readonly store?: StoreKind;
  /** Orthanc keeps its index in PostgreSQL and the sidecar reads it by SQL. */
  readonly sqlIndex?: boolean;
  /** Puts a gate between the sidecar and its PostgreSQL store. */
  readonly gate?: boolean;
  /** Keys of `Publication`. */
  readonly publication?: Readonly<Record<string, unknown>>;
  /** Puts a gate between the sidecar and Orthanc's REST API. */
  readonly gatePacs?: boolean;
  /** Keys of Orthanc's own configuration. */
  readonly orthanc?: Readonly<Record<string, unknown>>;
}

/** Long enough for a loaded machine, far below the sweep (10 min): what arrives in time arrived by a hint. */
export const soon = { timeout: 45_000, interval: 100 } as const;

const readOnlyRole = readFileSync(resolve(import.meta.dirname, '../../orthanc-config/read-only-role.sql'), 'utf8');

export class FlowSite {
  readonly site: Site;
  readonly postgres: Postgres | undefined;
  readonly #gate: TcpGate | undefined;
  readonly #pacsGate: PacsGate | undefined;
  #orthanc: OrthancPeer;
  #ris: RisConnection | undefined;

  constructor(site: Site, postgres: Postgres | undefined, gate: TcpGate | undefined, pacsGate: PacsGate | undefined) {
    this.site = site;
    this.postgres = postgres;
    this.#gate = gate;
    this.#pacsGate = pacsGate;
    this.#orthanc = site.orthanc;
  }

  get gate(): TcpGate {
    if (this.#gate === undefined) throw new Error('this site was started without a gate');
    return this.#gate;
  }

  get pacsGate(): PacsGate {
    if (this.#pacsGate === undefined) throw new Error('this site was started without a gate to its PACS');
    return this.#pacsGate;
  }

  get dmp(): Site['dmp'] {
    return this.site.dmp;
  }

  get orthanc(): OrthancPeer {
    return this.#orthanc;
  }

  /** Stores images over REST. */
  async keep(instances: Iterable<{ readonly bytes: Uint8Array }>): Promise<void> {
    await this.#orthanc.storeFiles([...instances].map(({ bytes }) => bytes));
  }

  /** Orthanc's ids of what has this UID. */
  async findInOrthanc(level: 'Study' | 'Series' | 'Instance', uid: string): Promise<readonly string[]> {
    const { text } = await this.#orthanc.call('POST', '/tools/find', {
      Level: level,
      Query: { [level === 'Instance' ? 'SOPInstanceUID' : `${level}InstanceUID`]: uid },
    });
    return JSON.parse(text) as string[];
  }

  /** Deletes everything in Orthanc that has this UID; at least something must have it. */
  async removeFromOrthanc(level: 'Study' | 'Series' | 'Instance', uid: string): Promise<void> {
    const ids = await this.findInOrthanc(level, uid);
    expect(ids, `${level} ${uid} in Orthanc`).not.toEqual([]);
    const path = ({ Study: 'studies', Series: 'series', Instance: 'instances' } as const)[level];
    for (const id of ids) await this.#orthanc.remove(path, id);
  }

  /** Sends one message on a connection that stays open between messages. */
  async send(message: Uint8Array): Promise<Acknowledgment> {
    this.#ris ??= await this.site.connectRis(30_000);
    try {
      return await this.#ris.send(message);
    } catch {
      // The sidecar was started again meanwhile: a RIS connects anew and sends once more.
      this.#ris = await this.site.connectRis(30_000);
      return this.#ris.send(message);
    }
  }

  /** Sends a message that must be taken. */
  async accepts(message: Uint8Array): Promise<void> {
    const { code, text } = await this.send(message);
    expect(code, text).toBe('AA');
  }

  /** Asks the running sidecar, as the command line does. */
  ask(...words: readonly string[]): Promise<unknown> {
    return askSidecar(join(this.site.folder, 'store'), words);
  }

  async show(studyInstanceUid: string): Promise<StudyView> {
    return (await this.ask('archive', 'show', studyInstanceUid)) as StudyView;
  }

  /** Waits until the study is in that state, for that reason. */
  async reaches(studyInstanceUid: string, state: StudyState, reason?: ErrorCode): Promise<StudyView> {
    return vi.waitFor(async () => {
      const view = await this.show(studyInstanceUid);
      expect([view.state, view.reason], `${view.detail ?? ''} ${JSON.stringify(view.journal.at(-1))}`).toEqual([
        state,
        reason,
      ]);
      return view;
    }, soon);
  }

  /** Waits until every hint so far has been looked at: a message makes its study due before it is acknowledged. */
  async looked(studyInstanceUid: string): Promise<StudyView> {
    return vi.waitFor(async () => {
      const view = await this.show(studyInstanceUid);
      if (view.nextLookAt !== undefined) expect(Date.parse(view.nextLookAt)).toBeGreaterThan(Date.now());
      return view;
    }, soon);
  }

  async eventsOf(studyInstanceUid: string): Promise<readonly EventName[]> {
    return (await this.show(studyInstanceUid)).journal.map(({ event }) => event);
  }

  /** Waits for an event of the study. */
  async tells(studyInstanceUid: string, event: EventName): Promise<void> {
    await vi.waitFor(async () => expect(await this.eventsOf(studyInstanceUid)).toContain(event), soon);
  }

  async alertsOf(subject: string, ...options: readonly string[]): Promise<readonly AlertView[]> {
    const alerts = (await this.ask('alerts', ...options)) as readonly AlertView[];
    return alerts.filter((alert) => alert.subject === subject);
  }

  /** Manifests of a study in the registry of the stand-in, in order of arrival. */
  async manifestsOf(studyInstanceUid: string): Promise<readonly RegistryEntry[]> {
    const entries = await this.dmp.entries();
    return entries.filter((entry) => entry.kind === 'kos' && entry.studyInstanceUid === studyInstanceUid);
  }

  /** The only current manifest of a study, and its bytes. */
  async publishedOf(studyInstanceUid: string): Promise<{ readonly entry: RegistryEntry; readonly kos: Uint8Array }> {
    const current = (await this.manifestsOf(studyInstanceUid)).filter((entry) => entry.status === 'Approved');
    const [entry] = current;
    if (entry === undefined || current.length !== 1) throw new Error(`${current.length} current manifests`);
    return { entry, kos: await this.dmp.documentOf(entry.entryUuid) };
  }

  /** `Deprecated 3`, `Approved 4`: status and number of images of each manifest of the study, in order of arrival. */
  async historyOf(studyInstanceUid: string): Promise<readonly string[]> {
    const lines = [];
    for (const { status, entryUuid } of await this.manifestsOf(studyInstanceUid)) {
      const { series } = parseManifest(await this.dmp.documentOf(entryUuid));
      lines.push(`${status} ${series.reduce((sum, { instances }) => sum + instances.length, 0)}`);
    }
    return lines;
  }

  /** Waits until the registry tells that history of the study, and the sidecar has nothing left to do for it. */
  async writes(studyInstanceUid: string, history: readonly string[]): Promise<void> {
    await vi.waitFor(async () => expect(await this.historyOf(studyInstanceUid)).toEqual(history), soon);
    await this.looked(studyInstanceUid);
    expect(await this.historyOf(studyInstanceUid)).toEqual(history);
  }

  /** How many submissions of any study reached the stand-in. */
  async countSubmissions(): Promise<number> {
    return (await this.dmp.log()).filter(({ transaction }) => transaction === 'provideAndRegister').length;
  }

  /** Changes the `DrimBox` section and starts the sidecar again. */
  async reconfigure(edit: (section: Section) => void): Promise<void> {
    const { configFile } = this.site;
    const file = JSON.parse(readFileSync(configFile, 'utf8')) as { DrimBox: Section };
    edit(file.DrimBox);
    writeFileSync(configFile, JSON.stringify(file, undefined, 2));
    await this.site.sidecar().stop();
    await this.site.restartSidecar();
  }

  async killOrthanc(): Promise<void> {
    await this.#orthanc.kill();
  }

  async restartOrthanc(): Promise<void> {
    this.#orthanc = await this.#orthanc.restart();
  }

  /** Ends everything; Orthanc at once, a stop in good order takes it 3.5 s. */
  async stop(): Promise<void> {
    await this.#ris?.close();
    await this.#gate?.open();
    await this.site.sidecar().stop();
    await this.#gate?.shut();
    await this.#orthanc.discard().catch(() => undefined);
    await this.#pacsGate?.close();
    await this.dmp.stop();
    await this.postgres?.kill().catch(() => undefined);
    rmSync(this.site.folder, { recursive: true, force: true });
  }
}

export const startFlowSite = async (options: FlowSiteOptions = {}): Promise<FlowSite> => {
  const { store = 'embedded', sqlIndex = false, publication = {} } = options;
  const postgres = store === 'postgres' || sqlIndex ? await startPostgres() : undefined;
  const directUrl = store === 'postgres' ? await postgres?.createDatabase('drimbox') : undefined;
  const gate = options.gate === true && postgres !== undefined ? new TcpGate(postgres.port) : undefined;
  await gate?.open();
  const storeUrl = gate === undefined ? directUrl : directUrl?.replace(`:${postgres?.port}/`, `:${gate.port}/`);
  const indexUrl = sqlIndex ? await postgres?.createDatabase('orthanc') : undefined;
  let pacsGate: PacsGate | undefined;
  const gatePacs = async (httpPort: number): Promise<number> => {
    pacsGate = new PacsGate(httpPort);
    await pacsGate.open();
    return pacsGate.port;
  };
  const site = await startSite({
    ...(options.gatePacs === true ? { gatePacs } : {}),
    ...(options.prepare === undefined ? {} : { prepare: options.prepare }),
    store: storeUrl ?? 'embedded',
    orthanc: {
      version: orthancVersion,
      ...(indexUrl === undefined ? {} : { index: { postgresUrl: indexUrl } }),
      ...(options.orthanc === undefined ? {} : { configuration: options.orthanc }),
    },
    ...(postgres === undefined || indexUrl === undefined
      ? {}
      : { indexUrl: postgres.url('orthanc', 'drimbox_reader') }),
    section: {
      Publication: {
        StabilitySeconds: 0.5,
        RetryFirstDelaySeconds: 0.5,
        RetryMaxDelayMinutes: 0.02,
        SweepMinutes: 10,
        SweepAfterStartSeconds: 3600,
        AlertAfterFailures: 2,
        AmbiguousDelaySeconds: 1,
        ...publication,
      },
    },
  });
  if (indexUrl !== undefined) await postgres?.run(readOnlyRole, 'orthanc');
  return new FlowSite(site, postgres, gate, pacsGate);
};
