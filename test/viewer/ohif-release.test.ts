import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { codecPatches } from '../../scripts/viewer-setup/ohif-codec-patches.ts';
import { findUnfitting, isNeededFirst, isServed, isWorthFetchingAhead } from '../../scripts/viewer-setup/ohif-files.ts';
import { checkIntegrity, readRelease } from '../../scripts/viewer-setup/ohif-package.ts';
import { buildPatches } from '../../scripts/viewer-setup/ohif-patches.ts';
import { applyPatches } from '../../scripts/viewer-setup/patch.ts';
import { listServedFiles } from '../../scripts/viewer-setup/served-files.ts';

describe('release of OHIF', () => {
  it('is named by one version and the integrity npm publishes for it', () => {
    const release = readRelease(resolve(import.meta.dirname, '../..'));
    expect(release).toMatchObject({ name: '@ohif/app', version: '3.13.2' });
    expect(release.integrity).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
  });

  it('is believed only when its bytes are the named ones', () => {
    const bytes = Buffer.from('invented');
    const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    const release = { name: '@ohif/app', version: '0', integrity };
    expect(() => checkIntegrity(bytes, release)).not.toThrow();
    expect(() => checkIntegrity(Buffer.from('Invented'), release)).toThrow(/not the package/);
  });
});

describe('patches', () => {
  const patch = { reason: 'to show', find: /old/g, replace: 'new', count: 2 };

  it('change what they name, wherever it stands', () => {
    const files = new Map([
      ['a', 'old'],
      ['b', 'x old y'],
      ['c', 'z'],
    ]);
    expect([...applyPatches(files, [patch]).values()]).toEqual(['new', 'x new y', 'z']);
  });

  it.each(['old', 'old old old', ''])('stop the set-up when a release does not fit: %j', (text) => {
    expect(() => applyPatches(new Map([['a', text]]), [patch])).toThrow(/does not fit our patch.*to show/);
  });

  it('give an invoker that wires arguments, the object and the answer as the text would have done', () => {
    const { replace } = codecPatches.find(({ reason }) => reason.startsWith('codecs call'))!;
    const freed: unknown[] = [];
    const type = (name: string) => ({
      name,
      toWireType: (_: unknown, value: unknown) => `wire ${String(value)}`,
      fromWireType: (value: unknown) => `js ${String(value)}`,
      destructorFunction: (value: unknown) => freed.push(value),
    });
    const names =
      'argTypes, isClassMethodFunc, needsDestructorStack, returns, cppInvokerFunc, cppTargetFunc, runDestructors, throwBindingError, humanName';
    const make = runInNewContext(`(${names}) => ${replace}`) as (
      ...given: unknown[]
    ) => (this: unknown, ...given: unknown[]) => unknown;
    const refuse = (message: string): never => {
      throw new Error(message);
    };
    const called: unknown[][] = [];
    const cpp = (...given: unknown[]): string => {
      called.push(given);
      return 'answer';
    };
    const types = [type('int'), type('Self'), type('a'), type('b')];
    const method = make(types, true, false, true, cpp, 7, () => undefined, refuse, 'method');
    expect(method.call('self', 1, 2)).toBe('js answer');
    expect(called).toEqual([[7, 'wire self', 'wire 1', 'wire 2']]);
    expect(freed).toEqual(['wire self', 'wire 1', 'wire 2']);
    expect(() => method.call('self', 1)).toThrow(/called with 1/);
  });

  it('put the folder of this build where OHIF has the root of the host', () => {
    const [folder] = buildPatches('/visionneuse/ohif-x/');
    expect('__webpack_require__.p = "/";'.replace(folder!.find, folder!.replace)).toBe(
      '__webpack_require__.p = "/visionneuse/ohif-x/";',
    );
  });
});

describe('files of OHIF', () => {
  it.each([
    'ort/ort-wasm.wasm',
    'dicom-microscopy-viewer/dicomMicroscopyViewer.min.js',
    'customizations/index.html',
    'sw.js',
    'init-service-worker.js',
    'google.js',
    'oidc-client.min.js',
    'index.html',
    'app-config.js',
    'app.bundle.js.map',
  ])('does not serve %s: it leads elsewhere or is not used', (path) => {
    expect(isServed(path)).toBe(false);
  });

  it.each([
    'app.bundle.0123456789abcdef.js',
    '89.bundle.0123456789abcdef.js',
    'app.bundle.css',
    '0ddf166f7a343eda.wasm',
    'assets/images/CT-Bone.png',
  ])('serves %s', (path) => {
    expect(isServed(path)).toBe(true);
  });

  it('fetches ahead what the first image needs, and nothing else', () => {
    expect(isNeededFirst('app.bundle.0123456789abcdef.js')).toBe(true);
    expect(isNeededFirst('app.bundle.css')).toBe(false);
    expect(isNeededFirst('9116.bundle.0123456789abcdef.js')).toBe(false);
    expect(isWorthFetchingAhead('app.bundle.css')).toBe(true);
    expect(isWorthFetchingAhead('9116.bundle.0123456789abcdef.js')).toBe(false);
    expect(findUnfitting(['app.bundle.css'])).not.toEqual([]);
  });

  it('lists what is served with its sizes; only addresses that change with their content are kept by browsers', () => {
    const dist = mkdtempSync(join(tmpdir(), 'drimbox-dist-'));
    try {
      mkdirSync(join(dist, 'ohif-x'));
      mkdirSync(join(dist, 'assets'));
      for (const [name, text] of [
        ['examen.html', 'page'],
        ['assets/examen-1.js', 'shell'],
        ['ohif-x/app.bundle.1.js', 'code'],
        ['ohif-x/app.bundle.1.js.br', 'br'],
        ['ohif-x/secret.key', 'no'],
      ] as const) {
        writeFileSync(join(dist, name), text);
      }
      expect(listServedFiles(dist, 'ohif-x')).toEqual({
        page: 'examen.html',
        ahead: ['assets/examen-1.js', 'ohif-x/app.bundle.1.js'],
        files: [
          { path: 'assets/examen-1.js', type: 'text/javascript; charset=utf-8', bytes: 5, isImmutable: true },
          { path: 'examen.html', type: 'text/html; charset=utf-8', bytes: 4, isImmutable: false },
          {
            path: 'ohif-x/app.bundle.1.js',
            type: 'text/javascript; charset=utf-8',
            bytes: 4,
            brotliBytes: 2,
            isImmutable: true,
          },
        ],
      });
    } finally {
      rmSync(dist, { recursive: true, force: true });
    }
  });
});
