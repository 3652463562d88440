/**
 * Where things stand in an XDM archive of manifests: one folder a month, one folder a submission set.
 *
 * ```
 * KA202601/INDEX.HTM
 *          README.TXT
 *          IHE_XDM/SS000001/METADATA.XML
 *                           KOS_1_1.DCM
 *                           SIGN_1.XML
 *                           CR.TXT
 * ```
 *
 * @see IHE ITI TF-2 3.32 (XDM) · facts/spec.md b.15 · facts/poc.md 7.2: written as the national samples are, read with or
 *      without the folder of the month and in either case
 */

/** Files of one submission set. */
export const xdmFileNames = {
  metadata: 'METADATA.XML',
  kos: 'KOS_1_1.DCM',
  signature: 'SIGN_1.XML',
  reportReference: 'CR.TXT',
} as const;

export const indexFileName = 'INDEX.HTM';
export const readmeFileName = 'README.TXT';
const xdmFolder = 'IHE_XDM';

/** @param month  `YYYYMM`: when the manifest was made */
export const monthFolder = (month: string): string => `KA${month}`;

/** `SS000001`; a set beyond 999,999 has a longer name. */
export const setFolder = (number: number): string => `SS${String(number).padStart(6, '0')}`;

export const setPath = (month: string, set: string, file: string): string =>
  `${monthFolder(month)}/${xdmFolder}/${set}/${file}`;

/** As the URI of an entry names a document: from the folder that holds the sets. */
export const documentUri = (set: string, file: string): string => `${set}/${file}`;

/** A file of a submission set. */
export interface XdmPath {
  /** Path of the set in the archive. */
  readonly set: string;
  /** Last folder of that path. */
  readonly folder: string;
  /** In capitals: names are compared without regard to case. */
  readonly file: string;
}

/** @returns undefined for what is not in a submission set: INDEX.HTM, README.TXT, folders */
export const parseXdmPath = (name: string): XdmPath | undefined => {
  const match = /^((?:[^/]+\/){0,4}?IHE_XDM\/([^/]+))\/([^/]+)$/i.exec(name);
  const [, set, folder, file] = match ?? [];
  if (set === undefined || folder === undefined || file === undefined) return undefined;
  return { set, folder, file: file.toUpperCase() };
};

/** Name of the file that a URI means, in capitals; undefined when it is not in that set. */
export const fileOfUri = (uri: string, folder: string): string | undefined => {
  const parts = uri.split('/');
  const file = parts.pop();
  const parent = parts.pop();
  if (file === undefined || file === '') return undefined;
  if (parent !== undefined && parent.toUpperCase() !== folder.toUpperCase()) return undefined;
  // The proof of concept may write IHE_XDM/ before.
  return parts.every((part) => part.toUpperCase() === xdmFolder) ? file.toUpperCase() : undefined;
};

/** Names of other software: `KOS_<i>_<z>.DCM`, `SIGN_<i>.XML`. */
export const isKosName = (file: string): boolean => /^KOS.*\.DCM$/.test(file);
export const isSignatureName = (file: string): boolean => /^SIGN.*\.XML$/.test(file);
