/** What readers that are not ours say of a published manifest: dciodvfy (dicom3tools) and dsrdump (DCMTK). */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Verdict {
  /** dciodvfy -new */
  readonly errors: readonly string[];
  /** Lines `E: …`, `F: …` and `W: …` of dsrdump but the two that it always prints. */
  readonly complaints: readonly string[];
}

/** @see facts/toolchain.md §5 */
const usual =
  /^W: (Check for template constraints not yet supported|The VR checker does not support this Specific Character Set: ISO_IR 192)$/;

const run = (command: string, args: readonly string[]): string => {
  const { stdout, stderr, status, error } = spawnSync(command, args);
  if (error !== undefined) throw error;
  const text = `${stdout.toString('latin1')}\n${stderr.toString('latin1')}`;
  return status === 0 ? text : `${text}\nE: exit ${status}`;
};

export const judgeManifest = (kos: Uint8Array): Verdict => {
  const folder = mkdtempSync(join(tmpdir(), 'drimbox-judge-'));
  try {
    const file = join(folder, 'kos.dcm');
    writeFileSync(file, kos);
    const linesOf = (text: string): readonly string[] => text.split('\n');
    return {
      errors: linesOf(run('dciodvfy', ['-new', file])).filter((line) => /^(Error|E: exit)/.test(line)),
      complaints: linesOf(run('dsrdump', [file])).filter((line) => /^[EWF]: /.test(line) && !usual.test(line)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
