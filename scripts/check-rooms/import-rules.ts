/** One way, no rings, rooms entered by their index.ts: house-style 1 and 2. */
import { folderImports, roomLevels } from './house-table.ts';
import type { ImportEdge } from './import-scanner.ts';
import type { CodeFile, Finding, ProjectTree } from './project-tree.ts';

/** The room of a path under plugin/: a folder, or a file that stands alone (`errors.ts`). */
export const roomOf = (path: string): string | undefined =>
  path.startsWith('plugin/') ? path.split('/')[1] : undefined;

const levelOf = (room: string): number => roomLevels.findIndex((level) => level.includes(room));

const checkDirection = (file: CodeFile, edge: ImportEdge, from: string, to: string): Finding[] => {
  const at = { path: file.path, line: edge.line };
  const fromLevel = levelOf(from);
  const toLevel = levelOf(to);
  if (toLevel === -1)
    return [{ rule: 'imports/room-unknown', ...at, message: `${to} is in no level of the house table` }];
  if (fromLevel === -1 || toLevel < fromLevel) return [];
  const why = toLevel === fromLevel ? 'rooms of one level do not see one another' : 'it is a higher level';
  return [{ rule: 'imports/one-way', ...at, message: `${from} may not import ${to}: ${why}` }];
};

/** Tests of a room may look inside it: test/kos/… and test/official/kos.test.ts see plugin/kos/… */
const isInside = (path: string, room: string): boolean => {
  const name = room.replace(/\.ts$/, '');
  return roomOf(path) === room || new RegExp(`^test/(official/)?${name}[/.-]`).test(path);
};

const checkEdge = (file: CodeFile, edge: ImportEdge): Finding[] => {
  if (edge.target === undefined) return [];
  const at = { path: file.path, line: edge.line };
  const folder = file.path.split('/')[0] ?? '';
  const targetFolder = edge.target.split('/')[0] ?? '';
  const allowed = folderImports[folder];
  if (allowed !== undefined && targetFolder !== folder && !allowed.includes(targetFolder)) {
    return [{ rule: 'imports/folder', ...at, message: `${folder}/ may not import ${edge.specifier}` }];
  }
  const to = roomOf(edge.target);
  if (to === undefined || isInside(file.path, to)) return [];
  const from = roomOf(file.path);
  const findings = from === undefined ? [] : checkDirection(file, edge, from, to);
  const isFileRoom = to.endsWith('.ts');
  if (!isFileRoom && edge.target !== `plugin/${to}/index.ts`) {
    findings.push({
      rule: 'imports/side-door',
      ...at,
      message: `enter ${to} by its index.ts, not by ${edge.specifier}`,
    });
  }
  return findings;
};

/** Strongly connected files, each ring told once, at its first file. */
const findRings = (files: readonly CodeFile[]): Finding[] => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const rings = new Map<string, Finding>();
  const visit = (file: CodeFile, trail: readonly string[]): void => {
    const start = trail.indexOf(file.path);
    if (start !== -1) {
      const ring = trail.slice(start);
      const [first = ''] = ring.toSorted();
      const turn = ring.indexOf(first);
      const path = [...ring.slice(turn), ...ring.slice(0, turn), first].join(' → ');
      rings.set(path, { rule: 'imports/ring', path: first, message: path });
      return;
    }
    if (done.has(file.path)) return;
    for (const edge of file.imports) {
      const next = edge.target === undefined ? undefined : byPath.get(edge.target);
      if (next !== undefined) visit(next, [...trail, file.path]);
    }
    done.add(file.path);
  };
  for (const file of files) visit(file, []);
  return [...rings.values()];
};

/** After comments are gone, an index.ts is nothing but `export … from '…';`. */
const checkIndex = (file: CodeFile): Finding[] => {
  if (!/^plugin\/[^/]+\/index\.ts$/.test(file.path)) return [];
  const rest = file.source.code
    .replace(/export\s+(type\s+)?(\*(\s+as\s+[\w$]+)?|\{[^}]*\})\s*from\s*(['"])\s*\4\s*;?/g, '')
    .trim();
  if (rest === '') return [];
  const message = `only re-exports belong here, not: ${rest.split('\n')[0]}`;
  return [{ rule: 'imports/index-only-re-exports', path: file.path, message }];
};

const checkRoomsKnown = (files: readonly CodeFile[]): Finding[] =>
  [...new Set(files.flatMap((file) => roomOf(file.path) ?? []))]
    .filter((room) => levelOf(room) === -1)
    .map((room) => ({
      rule: 'imports/room-unknown',
      path: `plugin/${room}`,
      message: 'is in no level of the house table (scripts/check-rooms/house-table.ts)',
    }));

const checkDoors = (files: readonly CodeFile[]): Finding[] => {
  const paths = new Set(files.map((file) => file.path));
  const rooms = new Set(files.flatMap((file) => roomOf(file.path) ?? []));
  return [...rooms]
    .filter((room) => !room.endsWith('.ts') && !paths.has(`plugin/${room}/index.ts`))
    .map((room) => ({ rule: 'imports/no-door', path: `plugin/${room}`, message: 'a room has an index.ts' }));
};

export const checkImports = ({ code }: ProjectTree): Finding[] => [
  ...checkRoomsKnown(code),
  ...checkDoors(code),
  ...code.flatMap((file) => file.imports.flatMap((edge) => checkEdge(file, edge))),
  ...code.flatMap(checkIndex),
  ...findRings(code),
];
