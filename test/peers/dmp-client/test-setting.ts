/** One running stand-in with its authority and a client, for a test file. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeCa, type StructureCredentials, type TestCa } from '../ca/make-ca.ts';
import { type DmpStandIn, type DmpStandInOptions, type LogLine, startDmpStandIn } from '../dmp/index.ts';
import type { TestTarget } from './dmp-test-client.ts';
import { exampleFacts, type SubmissionFacts } from './example-facts.ts';
import { createTestAgent } from './soap-client.ts';

export const testCaFolder = resolve(import.meta.dirname, '../../../.cache/ca');

export interface TestSetting {
  readonly ca: TestCa;
  readonly folder: string;
  readonly standIn: DmpStandIn;
  readonly target: TestTarget;
  /** Another client of the same stand-in. */
  readonly targetOf: (credentials: StructureCredentials) => TestTarget;
  /** Facts never used before in this setting. */
  readonly newFacts: (changes?: Partial<SubmissionFacts>) => SubmissionFacts;
  readonly lastLine: () => LogLine;
  readonly close: () => Promise<void>;
}

export const structureOf = (ca: TestCa, id: string): StructureCredentials => {
  const found = ca.structures[id];
  if (found === undefined) throw new Error(`no structure ${id}`);
  return found;
};

/** Without XSD unless asked: the stand-in's own checks must do. */
export const openTestSetting = async (options: Partial<DmpStandInOptions> = {}): Promise<TestSetting> => {
  const ca = await makeCa(testCaFolder);
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'dmp-stand-in-'));
  const standIn = await startDmpStandIn({ ca, schemaFolder: null, ...options, folder });
  const agents: Agent[] = [];
  const targetOf = (credentials: StructureCredentials): TestTarget => {
    const agent = createTestAgent({ rootCertificateFile: ca.rootCertificateFile, authCli: credentials.authCli });
    agents.push(agent);
    return { baseUrl: standIn.baseUrl, agent, credentials };
  };
  let count = 0;
  return {
    ...{ ca, folder, standIn, targetOf },
    target: targetOf(structureOf(ca, '1990000001')),
    newFacts: (changes) => {
      count += 1;
      return exampleFacts(count, changes);
    },
    lastLine: () => {
      const line = standIn.log().at(-1);
      if (line === undefined) throw new Error('nothing logged');
      return line;
    },
    close: async () => {
      for (const agent of agents) agent.destroy();
      await standIn.close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** Replaces what must be there: a test whose alteration finds nothing would prove nothing. */
export const replacing =
  (from: string | RegExp, to: string) =>
  (text: string): string => {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`nothing to replace: ${String(from)}`);
    return changed;
  };

/** Registry object by its id: the alteration touches no other. */
export const inObject =
  (id: string, change: (text: string) => string) =>
  (text: string): string => {
    const start = text.search(new RegExp(`<(RegistryPackage|ExtrinsicObject) id="${id}"`));
    const end = text.indexOf('</ExtrinsicObject>', start);
    const packageEnd = text.indexOf('</RegistryPackage>', start);
    const stop = id.startsWith('SubmissionSet') ? packageEnd : end;
    if (start < 0 || stop < 0) throw new Error(`no object ${id}`);
    return text.slice(0, start) + change(text.slice(start, stop)) + text.slice(stop);
  };
