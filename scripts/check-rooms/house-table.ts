/**
 * The one table of what the house allows: who may import whom, which names are refused, what may be long.
 *
 * @see design §3 · house-style, rooms and imports, size, names
 */

/**
 * Rooms and single files of plugin/, lowest first. A room sees those of lower levels; rooms of one level do not see
 * one another. `config` stands above all rooms because it joins their option schemas.
 */
export const roomLevels: readonly (readonly string[])[] = [
  ['errors.ts'],
  ['events.ts', 'lent-memory.ts', 'remedies.ts', 'standards', 'zip-records.ts'],
  ['store', 'orthanc', 'audit', 'dicom-file'],
  ['hl7', 'report', 'kos', 'dmp', 'trust', 'renditions'],
  ['archive'],
  ['publication', 'wado', 'sign-in'],
  ['viewer-access', 'consumer'],
  ['health', 'admin', 'statistics', 'notification'],
  ['config'],
  ['examination.ts', 'image-service.ts', 'viewer-sign-in.ts'],
  ['viewer-records.ts'],
  ['viewer-answers.ts'],
  ['viewer-service.ts'],
  ['image-listeners.ts'],
  ['main.ts'],
  ['cli.ts'],
];

/** Where the clock, the environment and randomness are read, to be passed on as arguments. */
export const compositionRoots: readonly string[] = ['plugin/main.ts', 'plugin/cli.ts'];

/** Folders whose code is checked. */
export const codeFolders: readonly string[] = ['plugin', 'viewer', 'migrations', 'scripts', 'test'];

/** Code of each folder may import only from itself and from these. `test` may import everything. */
export const folderImports: Readonly<Record<string, readonly string[]>> = {
  plugin: [],
  viewer: [],
  migrations: [],
  // The sandbox and the benchmarks run on the stand-ins and the invented data of the tests.
  scripts: ['plugin', 'test'],
};

/** Not as a file, folder or class name, nor as its last word: they say nothing. */
export const emptyNames: readonly string[] = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'shared',
  'misc',
  'base',
  'manager',
  'managers',
  'handler',
  'handlers',
  'processor',
  'processors',
  'data',
  'info',
];

/** Nouns of a standard that end in one of those words. */
export const standardNouns: readonly string[] = ['pixel-data'];

export const maxFileLines = 400;
export const maxReadmeLines = 30;

/** Pure tables and generated files: may be longer than `maxFileLines`. */
export const longTables: readonly string[] = ['plugin/errors.ts', 'plugin/remedies.ts'];
