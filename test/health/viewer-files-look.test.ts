/** The built viewer against its own list of files. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lookAtViewerFiles } from '../../plugin/health/viewer-files-look.ts';
import { listServedFiles } from '../../scripts/viewer-setup/served-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'drimbox-viewer-'));
  mkdirSync(join(folder, 'ohif-exemple'));
  const put = (path: string, bytes: number): void => writeFileSync(join(folder, path), Buffer.alloc(bytes));
  put('examen.html', 100);
  put('ohif-exemple/app.js', 5_000);
  put('ohif-exemple/app.js.br', 1_000);
  put('ohif-exemple/app.js.gz', 1_500);
  writeFileSync(join(folder, 'served.json'), JSON.stringify(listServedFiles(folder, 'ohif-exemple')));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('as it was built is whole, its compressed files too', async () =>
  expect(await lookAtViewerFiles(folder)).toEqual({ folder, kind: 'complete', files: 4, bytes: 7_600 }));

test('of which a file is gone, and another was cut while it was copied', async () => {
  rmSync(join(folder, 'ohif-exemple/app.js.br'));
  truncateSync(join(folder, 'ohif-exemple/app.js'), 4_096);
  expect(await lookAtViewerFiles(folder)).toEqual({
    folder,
    kind: 'incomplete',
    missing: ['ohif-exemple/app.js.br'],
    changed: ['ohif-exemple/app.js'],
  });
});

test.each([
  ['without its list', () => rmSync(join(folder, 'served.json')), /served\.json$/],
  ['with half a list', () => truncateSync(join(folder, 'served.json'), 40), /no list of files/],
  [
    'with a list of nothing',
    () => writeFileSync(join(folder, 'served.json'), '{"page":"examen.html","files":[]}'),
    /no list/,
  ],
  [
    'whose list has another page',
    () => writeFileSync(join(folder, 'served.json'), '{"page":"autre.html","files":[{"path":"a.js","bytes":1}]}'),
    /does not list its page/,
  ],
  ['that is not there', () => rmSync(folder, { recursive: true }), /served\.json$/],
])('%s is absent', async (_, spoil, detail) => {
  spoil();
  expect(await lookAtViewerFiles(folder)).toEqual({
    folder,
    kind: 'absent',
    code: 'viewer-access/files-missing',
    detail: expect.stringMatching(detail),
  });
  mkdirSync(folder, { recursive: true });
});

test('as scripts/viewer-setup.ts made it here is whole', async () => {
  const built = resolve(import.meta.dirname, '../../viewer/dist');
  expect(await lookAtViewerFiles(built)).toMatchObject({ kind: 'complete' });
});
