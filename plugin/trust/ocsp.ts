/**
 * Revocation by OCSP: asks the responder of a certificate, keeps what it said for its time, leaves a responder that fails
 * alone for a while.
 *
 * @see RFC 6960 · facts/identity.md 5.1
 */
import type { X509Certificate } from 'node:crypto';
import { asDrimboxError, DrimboxError, type ErrorCode } from '../errors.ts';
import type { CertificateAlerts } from './certificate-alerts.ts';
import { readCertificateFeatures } from './certificate-fields.ts';
import { buildOcspRequest } from './ocsp-request.ts';
import { checkOcspResponse, type OcspAnswer } from './ocsp-response.ts';
import type { RevocationExchange } from './revocation-exchange.ts';
import { isAllowedHost } from './revocation-lists.ts';
import type { OcspOptions } from './revocation-options.ts';
import type { RevocationStatus } from './revocation-port.ts';

export interface OcspPorts {
  readonly exchange: RevocationExchange;
  readonly clock: () => number;
  readonly alerts: CertificateAlerts;
  readonly signal: AbortSignal;
  /** A secret of so many bytes. */
  readonly randomBytes: (size: number) => Uint8Array;
  readonly allowedHosts: readonly string[];
}

export interface OcspClient {
  /** Never throws for what a responder or the network does. */
  statusOf(certificate: X509Certificate, authority: X509Certificate, atUtcMs: number): Promise<RevocationStatus>;
}

const nonceBytes = 32;
const maxAnswerBytes = 64 * 1024;
const maxKept = 1_000;
const alertCodes = ['trust/revocation-unreachable', 'trust/ocsp-refused'] as const satisfies ErrorCode[];

interface KeptAnswer {
  readonly status: RevocationStatus;
  readonly fromUtcMs: number;
  readonly untilUtcMs: number;
}

const statusFrom = ({ kind }: OcspAnswer): RevocationStatus => {
  switch (kind) {
    case 'good':
      return { kind, source: 'ocsp' };
    case 'revoked':
      return { kind, detail: 'the responder (OCSP) of its authority says so' };
    case 'unknown':
      return { kind, detail: 'the responder (OCSP) does not know the certificate' };
  }
};

class Client implements OcspClient {
  readonly #options: OcspOptions;
  readonly #ports: OcspPorts;
  readonly #kept = new Map<string, KeptAnswer>();
  readonly #underWay = new Map<string, Promise<RevocationStatus>>();
  /** Responder → not asked before, ms UTC. */
  readonly #resting = new Map<string, number>();

  constructor(options: OcspOptions, ports: OcspPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  statusOf(certificate: X509Certificate, authority: X509Certificate, atUtcMs: number): Promise<RevocationStatus> {
    const url = this.#responderOf(certificate);
    if (url === undefined) return Promise.resolve({ kind: 'unknown', detail: 'no responder (OCSP) to ask' });
    const key = `${certificate.fingerprint256} ${authority.fingerprint256}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.fromUtcMs <= atUtcMs && atUtcMs < kept.untilUtcMs) {
      return Promise.resolve(kept.status);
    }
    const running = this.#underWay.get(key);
    if (running !== undefined) return running;
    const started = this.#ask(url, { certificate, authority, key }).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, started);
    return started;
  }

  #responderOf(certificate: X509Certificate): string | undefined {
    if (this.#options.url !== undefined) return this.#options.url;
    const { ocspUrls } = readCertificateFeatures(certificate);
    return ocspUrls.find((url) => isAllowedHost(url, this.#ports.allowedHosts));
  }

  async #ask(
    url: string,
    about: { readonly certificate: X509Certificate; readonly authority: X509Certificate; readonly key: string },
  ): Promise<RevocationStatus> {
    const { alerts, clock, signal } = this.#ports;
    const restMs = this.#options.retrySeconds * 1000;
    const waitMs = (this.#resting.get(url) ?? 0) - clock();
    // A clock that was put back must not lengthen the rest.
    if (waitMs > 0 && waitMs <= restMs) return { kind: 'unknown', detail: 'the responder (OCSP) failed a moment ago' };
    try {
      const answer = await this.#exchange(url, about);
      this.#resting.delete(url);
      for (const code of alertCodes) alerts.clear(code, url);
      const status = statusFrom(answer);
      if (status.kind !== 'unknown') this.#keep(about.key, status, answer.nextUpdateUtcMs);
      return status;
    } catch (cause) {
      const { code, detail } = asDrimboxError(cause);
      if (signal.aborted) return { kind: 'unknown', detail: 'stopping' };
      this.#resting.set(url, clock() + restMs);
      alerts.raise(code === 'trust/ocsp-refused' ? code : 'trust/revocation-unreachable', url, detail);
      return { kind: 'unknown', detail: `no answer of the responder (OCSP): ${detail}` };
    }
  }

  async #exchange(
    url: string,
    { certificate, authority }: { readonly certificate: X509Certificate; readonly authority: X509Certificate },
  ): Promise<OcspAnswer> {
    const { timeoutSeconds, nonce: nonceUse, maxAgeMinutes } = this.#options;
    const { exchange, randomBytes, clock, signal } = this.#ports;
    const nonce = nonceUse === 'off' ? undefined : randomBytes(nonceBytes);
    if (nonce !== undefined && nonce.length !== nonceBytes) throw new DrimboxError('general/internal');
    const question = { certificate, authority, nonce };
    const body = { bytes: buildOcspRequest(question), contentType: 'application/ocsp-request' };
    const bytes = await exchange({ url, body, maxBytes: maxAnswerBytes, timeoutMs: timeoutSeconds * 1000 }, signal);
    const isNonceRequired = nonceUse === 'require';
    return checkOcspResponse(bytes, question, { atUtcMs: clock(), isNonceRequired, maxAgeMs: maxAgeMinutes * 60_000 });
  }

  #keep(key: string, status: RevocationStatus, nextUpdateUtcMs: number | undefined): void {
    const now = this.#ports.clock();
    const untilUtcMs = Math.min(nextUpdateUtcMs ?? now, now + this.#options.maxAgeMinutes * 60_000);
    this.#kept.delete(key);
    this.#kept.set(key, { status, fromUtcMs: now, untilUtcMs });
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > maxKept && oldest.done === false) this.#kept.delete(oldest.value);
  }
}

export const createOcspClient = (options: OcspOptions, ports: OcspPorts): OcspClient => new Client(options, ports);
