/** Dockerfile takes only what the repository has and .dockerignore lets through: no engine is needed to see that. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { softwareVersion } from '../../plugin/main.ts';

const project = resolve(import.meta.dirname, '../..');
const lines = (file: string): readonly string[] =>
  readFileSync(join(project, file), 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));

const dockerfile = lines('Dockerfile');
/** Sources of each COPY of the context, without those of another stage. */
const copied = dockerfile
  .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  .flatMap((line) => line.split(/\s+/).slice(1, -1));

/** The last pattern that fits decides, as Docker has it; here every pattern is a path, or `*`. */
const isLetThrough = (path: string): boolean => {
  let through = true;
  for (const line of lines('.dockerignore')) {
    const pattern = line.replace(/^!/, '');
    if (pattern === '*' || path === pattern || path.startsWith(`${pattern}/`)) through = line.startsWith('!');
  }
  return through;
};

describe('the container image', () => {
  test.each(copied)('%s is there, and .dockerignore lets it through', (path) => {
    expect(existsSync(join(project, path))).toBe(true);
    expect(isLetThrough(path)).toBe(true);
  });

  test('takes nothing of what was made on this machine', () => {
    expect(copied.length).toBeGreaterThan(8);
    for (const path of ['viewer/dist', 'node_modules', '.cache', '.toolchain', 'test', '.git']) {
      expect(isLetThrough(`${path}/x`), path).toBe(false);
      expect(copied, path).not.toContain(path);
    }
  });

  test('its build has every file that viewer/dist is made of', () => {
    const imported = execFileSync('git', ['ls-files', 'viewer', 'scripts/viewer-setup', 'scripts/viewer-setup.ts'], {
      cwd: project,
      encoding: 'utf8',
    });
    const inputs = readFileSync(join(project, 'scripts/viewer-setup/fingerprint.ts'), 'utf8');
    const named = [...inputs.matchAll(/^ {2}'([^']+)',$/gm)].map(([, path = '']) => path);
    const build = dockerfile.slice(0, dockerfile.lastIndexOf('FROM node:24-slim'));
    const sources = build.filter((line) => line.startsWith('COPY ')).flatMap((line) => line.split(/\s+/).slice(1, -1));
    const isTaken = (path: string): boolean => sources.some((one) => path === one || path.startsWith(`${one}/`));
    for (const path of [...named, ...imported.trim().split('\n')]) expect(isTaken(path), path).toBe(true);
    expect(named).toContain('tsconfig.json');
  });

  test('runs as a user of its own, on the Node.js that the package asks for', () => {
    const { engines, version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
      engines: { node: string };
      version: string;
    };
    for (const line of dockerfile.filter((one) => one.startsWith('FROM '))) {
      expect(Number(/node:(\d+)/.exec(line)?.[1])).toBeGreaterThanOrEqual(Number(engines.node.replace('>=', '')));
    }
    expect(dockerfile.filter((line) => line.startsWith('USER '))).toEqual(['USER drimbox']);
    expect(dockerfile.indexOf('USER drimbox')).toBeLessThan(
      dockerfile.findIndex((line) => line.startsWith('ENTRYPOINT')),
    );
    // The software tells its version to the DMP, releases and images take it from the package.
    expect(version).toBe(softwareVersion);
  });
});
