import { expect, test } from 'vitest';
import { dataElements } from '../../plugin/kos/data-elements.ts';
import { dcmjsNames } from '../fixtures/kos/dcmjs-reading.ts';

test.each(Object.entries(dataElements))(
  '%s has the tag and VR that another dictionary gives it',
  (keyword, { tag, vr }) => {
    const hex = tag.toString(16).toUpperCase().padStart(8, '0');
    expect({ tag: dcmjsNames[keyword]?.tag, vr: dcmjsNames[keyword]?.vr }).toEqual({
      tag: `(${hex.slice(0, 4)},${hex.slice(4)})`,
      vr,
    });
  },
);
