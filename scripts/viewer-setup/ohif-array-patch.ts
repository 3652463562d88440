/**
 * What reads segmentations (dcmjs and its copies) makes the class of a two-dimensional array out of text, which a policy without
 * `unsafe-eval` forbids. It gets one that does the same for the two dimensions it uses.
 */
import type { Patch } from './patch.ts';

const planeConstructor = `function compileConstructor(dtype, dimension) {
  return (data, shape, stride, offset) => {
    if (dimension !== 2) throw new Error("only planes are read here, not " + dimension + " dimensions");
    const [down, along] = stride;
    return {
      data, shape, stride, offset, dtype, dimension,
      size: shape[0] * shape[1],
      get: (i, j) => data[offset + down * i + along * j],
      set: (i, j, value) => (data[offset + down * i + along * j] = value),
    };
  };
}
function compileFromText(dtype, dimension) {`;

export const arrayPatch: Patch = {
  reason: 'segmentations are read through arrays whose class is made of text',
  find: /function compileConstructor\(dtype, dimension\) \{/g,
  replace: planeConstructor,
  count: 3,
};
