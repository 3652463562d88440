/**
 * What the stand-in holds: one JSON file for each submission taken, in order, and the documents as files beside them. Each file is
 * written aside, then renamed: a killed process leaves the state before or after, never between. One process at a time.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Classification, EntryStatus, RegistryObject } from './ebrim.ts';
import { schemes } from './ebrim.ts';
import type { Patient } from './vihf.ts';

/** A document entry as the stand-in keeps it. */
export interface RegistryEntry {
  /** `urn:uuid:…` */
  readonly entryUuid: string;
  readonly kind: 'kos' | 'signature';
  readonly uniqueId: string;
  readonly status: EntryStatus;
  readonly patient: Patient;
  /** Identifiant_Structure of the VIHF that submitted it. */
  readonly structureId: string;
  /** NameID of the VIHF that submitted it. */
  readonly submittedBy: string;
  readonly submissionSetUniqueId: string;
  readonly studyInstanceUid: string;
  readonly mimeType: string;
  readonly title: string;
  readonly slots: Readonly<Record<string, readonly string[]>>;
  /** `scheme name` → `code^codingScheme`, in order. */
  readonly codes: Readonly<Record<string, readonly string[]>>;
  readonly hash: string;
  readonly size: number;
  readonly receivedAtUtcMs: number;
  /** entryUUID this one replaced. */
  readonly replaces?: string;
}

/** What one submission changed. */
interface Change {
  readonly submissionSetUniqueId: string;
  readonly added: readonly RegistryEntry[];
  /** entryUUID → its new status. */
  readonly status: Readonly<Record<string, EntryStatus>>;
}

export interface NewDocument {
  readonly entry: RegistryEntry;
  readonly bytes: Uint8Array;
}

const codeOf = ({ code, codingScheme }: Classification): string => `${code}^${codingScheme}`;

/** Codes of an object by the name of their scheme. */
export const codesOf = (object: RegistryObject): Record<string, string[]> => {
  const codes: Record<string, string[]> = {};
  for (const [name, scheme] of Object.entries(schemes)) {
    const found = object.classifications.filter((each) => each.scheme === scheme && each.code !== '').map(codeOf);
    if (found.length > 0) codes[name] = found;
  }
  return codes;
};

export class DocumentRegistry {
  readonly #folder: string;
  readonly #entries = new Map<string, RegistryEntry>();
  readonly #submissionSetUniqueIds: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'documents'), { recursive: true });
    mkdirSync(join(folder, 'submissions'), { recursive: true });
    const files = readdirSync(join(folder, 'submissions')).filter((name) => /^\d{8}\.json$/.test(name));
    for (const name of files.sort()) {
      this.#apply(JSON.parse(readFileSync(join(folder, 'submissions', name), 'utf8')) as Change);
    }
  }

  get entries(): readonly RegistryEntry[] {
    return [...this.#entries.values()];
  }

  get submissionSetUniqueIds(): readonly string[] {
    return this.#submissionSetUniqueIds;
  }

  byUniqueId(uniqueId: string): RegistryEntry | undefined {
    return this.entries.find((entry) => entry.uniqueId === uniqueId);
  }

  byEntryUuid(entryUuid: string): RegistryEntry | undefined {
    return this.#entries.get(entryUuid);
  }

  documentOf(entryUuid: string): Buffer {
    return readFileSync(this.#documentFile(entryUuid));
  }

  #documentFile(entryUuid: string): string {
    return join(this.#folder, 'documents', entryUuid.replace('urn:uuid:', ''));
  }

  #write(file: string, content: string | Uint8Array): void {
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  }

  #apply(change: Change): void {
    for (const entry of change.added) this.#entries.set(entry.entryUuid, entry);
    for (const [entryUuid, status] of Object.entries(change.status)) {
      const entry = this.#entries.get(entryUuid);
      if (entry !== undefined) this.#entries.set(entryUuid, { ...entry, status });
    }
    this.#submissionSetUniqueIds.push(change.submissionSetUniqueId);
  }

  #commit(change: Change): void {
    const number = String(this.#submissionSetUniqueIds.length + 1).padStart(8, '0');
    this.#write(join(this.#folder, 'submissions', `${number}.json`), JSON.stringify(change));
    this.#apply(change);
  }

  /** Documents first, then, in one write, the entries that name them and the status of the entry they replace. */
  addSubmission(
    submissionSetUniqueId: string,
    documents: readonly NewDocument[],
    replacesEntryUuid: string | undefined,
  ): void {
    for (const { entry, bytes } of documents) this.#write(this.#documentFile(entry.entryUuid), bytes);
    this.#commit({
      submissionSetUniqueId,
      added: documents.map(({ entry }) => entry),
      status: replacesEntryUuid === undefined ? {} : { [replacesEntryUuid]: 'Deprecated' },
    });
  }

  /** Somebody else took the document out: no transaction of ours did. */
  vanish(entryUuid: string): void {
    this.#commit({ submissionSetUniqueId: `vanished:${entryUuid}`, added: [], status: { [entryUuid]: 'Deleted' } });
  }

  setStatus(submissionSetUniqueId: string, entryUuid: string, status: EntryStatus): void {
    this.#commit({ submissionSetUniqueId, added: [], status: { [entryUuid]: status } });
  }
}
