/** Freezes a tree of plain objects and lists, in place, and gives it back. */
export const deepFreeze = <Tree>(tree: Tree): Tree => {
  if (typeof tree === 'object' && tree !== null && !Object.isFrozen(tree)) {
    Object.freeze(tree);
    for (const child of Object.values(tree)) deepFreeze(child);
  }
  return tree;
};
