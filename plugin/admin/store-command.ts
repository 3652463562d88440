/** What a command on the store is given and gives. */
import type { Store } from '../store/index.ts';
import type { Report } from './command-words.ts';
import type { ArchiveSite } from './xdm-site.ts';

export interface StoreCommandPorts {
  readonly store: Store;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Name and version of this software, written in backups. */
  readonly software?: string;
  /** Who hands archives over and takes them over. */
  readonly archiveSite?: ArchiveSite;
  /** Starts due looks at once, in the running sidecar. */
  readonly wake?: () => void;
  /** Starts a comparison of the archive with the PACS at once, in the running sidecar. */
  readonly wakeComparison?: () => void;
}

/**
 * @param words   the whole command, its own words first
 * @param report  told while it works
 * @param signal  aborted when nobody waits for it any longer: a command that writes a file removes what it began
 * @returns what is printed as JSON
 */
export type StoreCommand = (
  ports: StoreCommandPorts,
  words: readonly string[],
  report: Report,
  signal: AbortSignal,
) => Promise<unknown>;
