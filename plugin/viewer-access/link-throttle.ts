/**
 * How often one address may knock, and how often one link may be refused. Counted in memory, for this process alone: what
 * must hold for all sidecars together (failed identity matches of a person) is counted by the sessions.
 *
 * Whole hospitals come from one address: that limit stops machines, not people. Links are counted by a digest.
 *
 * @see decision E6 (throttled, no hint) · OWASP ASVS 2.2.1
 */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { encodeReportLink, type ReportLink } from './report-link.ts';

export interface ThrottleLimits {
  /** Pages and forms before the images, of one address. */
  readonly requestsPerMinute: number;
  /** Refusals of one link, from wherever. */
  readonly refusalsPerHour: number;
  /** Addresses and links remembered, each. */
  readonly remembered: number;
}

export interface LinkThrottle {
  /** Counts one request of this address; false when it is one too many. */
  admit(address: string): boolean;
  /** False when this link was refused too often to be looked at again now. */
  isOpen(link: ReportLink): boolean;
  countRefusal(link: ReportLink): void;
}

/** Tokens that fill up with time; the one longest untouched is forgotten first. */
const createBuckets = (most: number, perMs: number, remembered: number) => {
  const levels = new Map<string, { readonly tokens: number; readonly atMs: number }>();
  const levelAt = (key: string, atMs: number): number => {
    const level = levels.get(key);
    if (level === undefined) return most;
    return Math.min(most, level.tokens + Math.max(0, atMs - level.atMs) * perMs);
  };
  return {
    has: (key: string, atMs: number): boolean => levelAt(key, atMs) >= 1,
    take: (key: string, atMs: number): boolean => {
      const tokens = levelAt(key, atMs);
      levels.delete(key);
      // Who knocks on while it is shut is not kept out for longer.
      levels.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs });
      for (const oldest of levels.keys()) {
        if (levels.size <= remembered) break;
        levels.delete(oldest);
      }
      return tokens >= 1;
    },
  };
};

/** One subscriber has a whole /64 of IPv6 addresses. */
const networkOf = (address: string): string => {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const first = head.split(':').filter((group) => group !== '');
  const last = (tail ?? '').split(':').filter((group) => group !== '');
  const gap = tail === undefined ? 0 : 8 - first.length - last.length;
  const groups = [...first, ...Array.from({ length: Math.max(0, gap) }, () => '0'), ...last];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
};

const digestOf = (link: ReportLink): string => createHash('sha256').update(encodeReportLink(link)).digest('base64url');

/** @param monotonic  milliseconds, never backwards */
export const createLinkThrottle = (limits: ThrottleLimits, monotonic: () => number): LinkThrottle => {
  const { requestsPerMinute, refusalsPerHour, remembered } = limits;
  const addresses = createBuckets(requestsPerMinute, requestsPerMinute / 60_000, remembered);
  const links = createBuckets(refusalsPerHour, refusalsPerHour / 3_600_000, remembered);
  return {
    admit: (address) => addresses.take(networkOf(address), monotonic()),
    isOpen: (link) => links.has(digestOf(link), monotonic()),
    countRefusal: (link) => {
      links.take(digestOf(link), monotonic());
    },
  };
};
