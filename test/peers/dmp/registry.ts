/**
 * What the stand-in holds: entries in one JSON file, documents as files beside it. Each change is written aside, then renamed:
 * a killed process leaves the state before or after, never between. One process at a time.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
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

interface RegistryState {
  readonly entries: readonly RegistryEntry[];
  readonly submissionSetUniqueIds: readonly string[];
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
  #state: RegistryState;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, 'documents'), { recursive: true });
    const file = join(folder, 'registry.json');
    this.#state = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as RegistryState)
      : { entries: [], submissionSetUniqueIds: [] };
  }

  get entries(): readonly RegistryEntry[] {
    return this.#state.entries;
  }

  get submissionSetUniqueIds(): readonly string[] {
    return this.#state.submissionSetUniqueIds;
  }

  byUniqueId(uniqueId: string): RegistryEntry | undefined {
    return this.#state.entries.find((entry) => entry.uniqueId === uniqueId);
  }

  byEntryUuid(entryUuid: string): RegistryEntry | undefined {
    return this.#state.entries.find((entry) => entry.entryUuid === entryUuid);
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

  #commit(state: RegistryState): void {
    this.#write(join(this.#folder, 'registry.json'), JSON.stringify(state));
    this.#state = state;
  }

  /** Documents first, then the entries that name them and the entry they replace, in one write. */
  addSubmission(
    submissionSetUniqueId: string,
    documents: readonly NewDocument[],
    replacesEntryUuid: string | undefined,
  ): void {
    for (const { entry, bytes } of documents) this.#write(this.#documentFile(entry.entryUuid), bytes);
    const kept = this.#state.entries.map(
      (entry): RegistryEntry => (entry.entryUuid === replacesEntryUuid ? { ...entry, status: 'Deprecated' } : entry),
    );
    this.#commit({
      entries: [...kept, ...documents.map(({ entry }) => entry)],
      submissionSetUniqueIds: [...this.#state.submissionSetUniqueIds, submissionSetUniqueId],
    });
  }

  setStatus(submissionSetUniqueId: string, entryUuid: string, status: EntryStatus): void {
    this.#commit({
      entries: this.#state.entries.map((entry) => (entry.entryUuid === entryUuid ? { ...entry, status } : entry)),
      submissionSetUniqueIds: [...this.#state.submissionSetUniqueIds, submissionSetUniqueId],
    });
  }
}
