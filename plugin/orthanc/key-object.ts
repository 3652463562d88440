/**
 * What a stored Key Object Selection says: its title and the objects it points at (decision C3).
 */
import { DrimboxError } from '../errors.ts';
import { sopClasses } from '../standards/index.ts';
import type { TagTree } from './answers.ts';
import { itemsOf, textOf } from './object-identity.ts';

export interface KeyObject {
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Code value of the title, DCM (CID 7010): 113001, 113030… '' when another scheme or none. */
  readonly titleCode: string;
  /** SOPInstanceUIDs, each once, content tree first, then evidence. */
  readonly references: readonly string[];
}

const referencedIn = (tree: TagTree): readonly string[] =>
  itemsOf(tree, '0008,1199').map((item) => textOf(item, '0008,1155'));

const contentReferences = (tree: TagTree): readonly string[] =>
  itemsOf(tree, '0040,a730').flatMap((item) => [...referencedIn(item), ...contentReferences(item)]);

const evidenceReferences = (tree: TagTree): readonly string[] =>
  itemsOf(tree, '0040,a375').flatMap((study) => itemsOf(study, '0008,1115').flatMap(referencedIn));

/**
 * @throws orthanc/answer-invalid when the object is not a Key Object Selection
 * @see PS3.3 A.35.4, C.17.6.2 · PS3.16 TID 2010 · IHE RAD TF-3 4.66, IOCM
 */
export const buildKeyObject = (tree: TagTree): KeyObject => {
  if (textOf(tree, '0008,0016') !== sopClasses.keyObjectSelection) {
    throw new DrimboxError('orthanc/answer-invalid', { detail: 'not a Key Object Selection' });
  }
  const title = itemsOf(tree, '0040,a043')[0];
  const references = [...contentReferences(tree), ...evidenceReferences(tree)].filter((uid) => uid !== '');
  return {
    sopInstanceUid: textOf(tree, '0008,0018'),
    studyInstanceUid: textOf(tree, '0020,000d'),
    titleCode: textOf(title, '0008,0102') === 'DCM' ? textOf(title, '0008,0100') : '',
    references: [...new Set(references)],
  };
};
