/**
 * Our certificates, one for each name (FQDN) that other DRIMboxes know us by: chosen by the name a client asks for,
 * replaced without a restart when their files change.
 *
 * @see DB.SO.173 (several FQDN) · facts/spec.md b.8 · RFC 6066 §3 (server name)
 */
import type { Server, SecureContext, SecureContextOptions } from 'node:tls';
import { asDrimboxError, DrimboxError } from '../errors.ts';
import type { CertificateAlerts } from './certificate-alerts.ts';
import { tellExpiry } from './certificate-expiry.ts';
import { type Every, everyTimer } from './every.ts';
import {
  type CertificateFiles,
  filesMark,
  foldServerName,
  loadServerCertificate,
  type ServerCertificate,
} from './server-certificate.ts';
import type { ServerCertificatesOptions } from './server-certificates-options.ts';

/** What `doctor` shows of a certificate. */
export interface ServerCertificateFacts {
  /** The name (FQDN) it is for. */
  readonly structureName: string;
  readonly use: 'server';
  readonly notBeforeUtcMs: number;
  readonly notAfterUtcMs: number;
}

export interface ServerCertificatesPorts {
  /** What the contexts of all certificates share: `buildSecureContextOptions`. */
  readonly shared: SecureContextOptions;
  readonly clock: () => number;
  readonly alerts: CertificateAlerts;
  /** Absent: a timer that keeps no process alive. */
  readonly every?: Every;
}

export interface ServerCertificates {
  /** For `createServer`: what a client that names no server gets. */
  defaultContext(): SecureContextOptions;
  /** `SNICallback` of `node:tls`. */
  readonly chooseContext: (name: string, answer: (failure: Error | null, context?: SecureContext) => void) => void;
  /** The server's default certificate follows the files too; connections that are open go on as they began. */
  attach(server: Pick<Server, 'setSecureContext'>): void;
  /** Reads files that changed. A pair that cannot be used leaves the former in place and raises an alert. Never throws. */
  reload(): Promise<void>;
  listCertificates(): readonly ServerCertificateFacts[];
  /** Looks for changed files, and for certificates that end, regularly until `stop`. */
  start(): void;
  stop(): void;
}

interface Pair {
  readonly files: CertificateFiles;
  current: ServerCertificate;
  mark: string;
}

const isValidAt = ({ notBeforeUtcMs, notAfterUtcMs }: ServerCertificate, atUtcMs: number): boolean =>
  notBeforeUtcMs <= atUtcMs && atUtcMs <= notAfterUtcMs;

/** A certificate that is not valid (yet) does not replace one that is. */
const checkReplaces = (next: ServerCertificate, former: ServerCertificate, now: number): void => {
  if (isValidAt(next, now) || !isValidAt(former, now)) return;
  throw new DrimboxError('trust/server-certificate-invalid', { detail: 'the new certificate is not valid now' });
};

class Certificates implements ServerCertificates {
  readonly #options: ServerCertificatesOptions;
  readonly #ports: ServerCertificatesPorts;
  readonly #pairs: readonly [Pair, ...Pair[]];
  readonly #servers = new Set<Pick<Server, 'setSecureContext'>>();
  #ofName: ReadonlyMap<string, ServerCertificate> = new Map();
  #reloading: Promise<void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: ServerCertificatesOptions, ports: ServerCertificatesPorts, pairs: readonly [Pair, ...Pair[]]) {
    this.#options = options;
    this.#ports = ports;
    this.#pairs = pairs;
    this.#index();
  }

  defaultContext(): SecureContextOptions {
    return this.#pairs[0].current.contextOptions;
  }

  readonly chooseContext: ServerCertificates['chooseContext'] = (name, answer) => {
    const found = this.#ofName.get(foldServerName(name));
    if (found !== undefined) answer(null, found.context);
    else if (this.#options.unknownName === 'default') answer(null, this.#pairs[0].current.context);
    else answer(new Error('no certificate for the name asked for'));
  };

  attach(server: Pick<Server, 'setSecureContext'>): void {
    this.#servers.add(server);
  }

  reload(): Promise<void> {
    this.#reloading ??= this.#reloadAll().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  listCertificates(): readonly ServerCertificateFacts[] {
    return this.#pairs.map(({ current: { names, notBeforeUtcMs, notAfterUtcMs } }) => ({
      structureName: names[0] ?? '',
      use: 'server',
      notBeforeUtcMs,
      notAfterUtcMs,
    }));
  }

  start(): void {
    this.#tellAll();
    const every = this.#ports.every ?? everyTimer;
    this.#cancel = every(this.#options.pollSeconds * 1000, () => void this.reload());
  }

  stop(): void {
    this.#cancel?.();
  }

  async #reloadAll(): Promise<void> {
    const former = this.#pairs[0].current;
    for (const pair of this.#pairs) await this.#reloadPair(pair);
    this.#index();
    if (this.#pairs[0].current !== former) {
      for (const server of this.#servers) server.setSecureContext(this.defaultContext());
    }
    this.#tellAll();
  }

  async #reloadPair(pair: Pair): Promise<void> {
    const { alerts, clock, shared } = this.#ports;
    const subject = pair.files.certificateFile;
    const mark = await filesMark(pair.files);
    if (mark === pair.mark) {
      alerts.clear('trust/server-certificate-invalid', subject);
      return;
    }
    try {
      const next = await loadServerCertificate(pair.files, shared);
      checkReplaces(next, pair.current, clock());
      pair.current = next;
      pair.mark = mark;
      alerts.clear('trust/server-certificate-invalid', subject);
    } catch (cause) {
      // The mark stays: the next look tries again.
      alerts.raise('trust/server-certificate-invalid', subject, asDrimboxError(cause).detail);
    }
  }

  /** The first pair that names a server is the one it gets. */
  #index(): void {
    const entries = this.#pairs.flatMap(({ current }) => current.names.map((name) => [name, current] as const));
    this.#ofName = new Map(entries.toReversed());
  }

  #tellAll(): void {
    const now = this.#ports.clock();
    for (const { current } of this.#pairs) {
      const { names, notBeforeUtcMs, notAfterUtcMs } = current;
      tellExpiry({ name: names[0] ?? '', notBeforeUtcMs, notAfterUtcMs }, this.#ports.alerts, now);
    }
  }
}

const loadPair = async (files: CertificateFiles, shared: SecureContextOptions): Promise<Pair> => {
  const mark = await filesMark(files);
  return { files, mark, current: await loadServerCertificate(files, shared) };
};

/**
 * @throws trust/server-certificate-invalid — a pair cannot be used: at the start all must be good
 */
export const createServerCertificates = async (
  options: ServerCertificatesOptions,
  ports: ServerCertificatesPorts,
): Promise<ServerCertificates> => {
  const [first, ...others] = await Promise.all(options.certificates.map((files) => loadPair(files, ports.shared)));
  if (first === undefined) {
    throw new DrimboxError('trust/server-certificate-invalid', { detail: 'no certificate is configured' });
  }
  return new Certificates(options, ports, [first, ...others]);
};
