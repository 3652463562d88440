/**
 * Which refusals get a row of their own, and which are only counted: a stranger who knocks a thousand times a second must
 * neither fill the disk nor go unseen.
 *
 * Within one minute, each address (for IPv6 its /64) and each person who has signed in get a number of rows of their own; all
 * strangers together too. What comes beyond is counted under address, certificate, person and reason; and beyond a number of
 * such keys, under the reason alone. Memory and table are bounded by the limits, whatever comes.
 */
import type { AuditEntry, AuditResult } from './audit-entry.ts';

export interface FloodLimits {
  /** Rows of one minute for requests of nobody known, from one address. */
  readonly rowsPerAddress: number;
  /** …and of all addresses together. */
  readonly rowsOfStrangers: number;
  /** Of one professional, or of one patient by the pseudonym at FranceConnect+. */
  readonly rowsPerPerson: number;
  /** Different things counted in one minute, beside the reasons themselves. */
  readonly countedKeys: number;
}

const defaultFloodLimits: FloodLimits = {
  rowsPerAddress: 20,
  rowsOfStrangers: 300,
  rowsPerPerson: 600,
  countedKeys: 500,
};

/** Stands for the addresses that there was no room to count one by one. */
export const manyAddresses = '*';

/** What refusals are counted under. */
export interface CountedRefusal {
  /** Beginning of the minute. */
  readonly minuteUtcMs: number;
  readonly key: string;
  readonly entry: AuditEntry;
  readonly result: AuditResult;
}

export type FloodVerdict = { readonly kind: 'row' } | { readonly kind: 'count'; readonly counted: CountedRefusal };

const minuteMs = 60_000;

/** The first four groups of an IPv6 address; an IPv4 address, mapped or not, as it is. */
export const addressGroupOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(':')) return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(8 - left.length - right.length, 0);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
};

const countedAs = (entry: AuditEntry, address: string): AuditEntry => ({
  transaction: entry.transaction,
  correlationId: '',
  address,
  ...(entry.peerSubject === undefined ? {} : { peerSubject: entry.peerSubject }),
  ...(entry.peerEntry === undefined ? {} : { peerEntry: entry.peerEntry }),
  ...(entry.actorNationalId === undefined ? {} : { actorNationalId: entry.actorNationalId }),
  ...(entry.actorSubject === undefined ? {} : { actorSubject: entry.actorSubject }),
  ...(entry.actorClient === undefined ? {} : { actorClient: entry.actorClient }),
});

const keyOf = (entry: AuditEntry, result: AuditResult): string =>
  JSON.stringify([
    entry.transaction,
    entry.address,
    entry.peerSubject,
    entry.actorNationalId,
    entry.actorSubject,
    entry.actorClient,
    result.outcome,
    result.reasonCode,
    result.httpStatus,
  ]);

/** Counted under its reason alone: where there is no room to count it under who asked. */
export const countedOfMany = (
  { transaction }: AuditEntry,
  result: AuditResult,
  minuteUtcMs: number,
): CountedRefusal => {
  const entry: AuditEntry = { transaction, correlationId: '', address: manyAddresses };
  return { minuteUtcMs, key: keyOf(entry, result), entry, result };
};

/** Beginning of the minute. */
export const minuteOf = (atUtcMs: number): number => Math.floor(atUtcMs / minuteMs) * minuteMs;

export interface RefusalFlood {
  judge(entry: AuditEntry, result: AuditResult, atUtcMs: number): FloodVerdict;
}

export const createRefusalFlood = (limits: FloodLimits = defaultFloodLimits): RefusalFlood => {
  let minuteUtcMs = Number.NaN;
  let strangers = 0;
  let rows = new Map<string, number>();
  let counted = new Set<string>();

  const begin = (minute: number): void => {
    minuteUtcMs = minute;
    strangers = 0;
    rows = new Map();
    counted = new Set();
  };

  /** Takes one of the rows of this party; false when it has none left. */
  const takeRow = (party: string, most: number): boolean => {
    const taken = rows.get(party) ?? 0;
    if (taken >= most) return false;
    rows.set(party, taken + 1);
    return true;
  };

  const mayHaveRow = (entry: AuditEntry, group: string): boolean => {
    if (entry.actorNationalId !== undefined) return takeRow(`p ${entry.actorNationalId}`, limits.rowsPerPerson);
    if (entry.actorSubject !== undefined) return takeRow(`s ${entry.actorSubject}`, limits.rowsPerPerson);
    if (strangers >= limits.rowsOfStrangers || !takeRow(`a ${group}`, limits.rowsPerAddress)) return false;
    strangers += 1;
    return true;
  };

  const countedUnder = (entry: AuditEntry, result: AuditResult, group: string): CountedRefusal => {
    const one = countedAs(entry, group);
    const key = keyOf(one, result);
    if (!counted.has(key) && counted.size >= limits.countedKeys) return countedOfMany(entry, result, minuteUtcMs);
    counted.add(key);
    return { minuteUtcMs, key, entry: one, result };
  };

  return {
    judge: (entry, result, atUtcMs) => {
      const minute = minuteOf(atUtcMs);
      if (minute !== minuteUtcMs) begin(minute);
      const group = addressGroupOf(entry.address);
      if (mayHaveRow(entry, group)) return { kind: 'row' };
      const { outcome, httpStatus, reasonCode } = result;
      const told: AuditResult = { outcome, httpStatus, ...(reasonCode === undefined ? {} : { reasonCode }) };
      return { kind: 'count', counted: countedUnder(entry, told, group) };
    },
  };
};
