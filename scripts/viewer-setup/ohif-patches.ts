/**
 * What is changed in the published files of OHIF, and why. Each change says how often it must be found: a release in which
 * it is found more or less often stops the set-up, so that nothing is served half patched.
 */

import { arrayPatch } from './ohif-array-patch.ts';
import { codecPatches } from './ohif-codec-patches.ts';
import { frenchPatches } from './ohif-french-patches.ts';
import { startPatches } from './ohif-start-patches.ts';
import type { Patch } from './patch.ts';

const leftOutModes = [
  'longitudinal',
  'segmentation',
  'tmtv',
  'microscopy',
  'preclinical-4d',
  'ultrasound-pleura-bline',
];

/** @param publicPath  where OHIF's files are served, with `/` at both ends */
export const buildPatches = (publicPath: string): readonly Patch[] => [
  {
    reason: 'its files live in a folder of their own, whose name changes with their content',
    find: /__webpack_require__\.p = "\/";/g,
    replace: `__webpack_require__.p = "${publicPath}";`,
    count: 7,
  },
  ...codecPatches,
  arrayPatch,
  ...startPatches,
  ...frenchPatches,
  {
    reason: 'one mode, that of reading images: the others load extensions nobody uses here before the first image',
    find: new RegExp(`pluginImports_modes\\.push\\("@ohif/mode-(${leftOutModes.join('|')})"\\);`, 'g'),
    replace: '',
    count: leftOutModes.length,
  },
  {
    reason: 'an extension for the annotation of lung ultrasound, not used',
    find: /pluginImports_extensions\.push\("@ohif\/extension-ultrasound-pleura-bline"\);/g,
    replace: '',
    count: 1,
  },
  {
    reason: 'a series opens at its middle image, the one the preview shows',
    find: /initialImageOptions: \{\s*custom: 'sopInstanceLocation'\s*\}/g,
    replace: "initialImageOptions: { preset: 'middle' }",
    count: 1,
  },
  {
    reason:
      'contexts of WebGL are made when a viewport needs one: seven at the start cost more than all else before the first image',
    find: /for \(let i = 0; i < count; i\+\+\) \{(\s*const offscreenMultiRenderWindow[^;]*;\s*const container[^;]*;\s*offscreenMultiRenderWindow\.setContainer\(container\);[^;]*;\s*)this\.contexts\.push\(offscreenMultiRenderWindow\);\s*this\.offScreenCanvasContainers\.push\(container\);\s*\}\s*\}\s*getContextByIndex\(index\) \{\s*if \(index >= 0 && index < this\.contexts\.length\) \{/g,
    replace: `this.contexts.length = count;
        this.openContext = i => {$1this.contexts[i] = offscreenMultiRenderWindow;
            this.offScreenCanvasContainers[i] = container;
        };
    }
    getContextByIndex(index) {
        if (index >= 0 && index < this.contexts.length) {
            if (this.contexts[index] === undefined) this.openContext(index);`,
    count: 2,
  },
  {
    reason: 'overlays (60xx) are looked for by their tags, but read under names that are the same for all groups',
    find: /var entry = DicomMetaDictionary\.dictionary\[punctuatedTag\];(?=\s*var naturalName = tag;)/g,
    replace: 'var entry = /^60/.test(tag) ? undefined : DicomMetaDictionary.dictionary[punctuatedTag];',
    count: 2,
  },
  {
    reason: 'measurements of a report that were told just after their image was drawn waited for its next drawing',
    find: /state\.trackingIdentifiersByViewportId\[viewport\.id\] = \{\s*trackingUniqueIdentifiers,\s*activeIndex\s*\};/g,
    replace: '$& viewport.render();',
    count: 1,
  },
  {
    reason: 'of the menu only the preferences: the others lead to other sites or change the appearance',
    find: /menuOptions: menuOptions,(?=\s*isReturnEnabled: !!appConfig\.showStudyList,\s*onClickReturnButton)/g,
    replace: "menuOptions: menuOptions.filter(option => option.icon === 'settings'),",
    count: 1,
  },
  {
    reason: 'in production the title of an error ends in "false"',
    find: /(?<=t\('Something went wrong'\)\})\$\{!isProduction && ` \$\{t\('in'\)\} \$\{context\}`\}/g,
    replace: '',
    count: 1,
  },
  {
    reason: 'the font lives in that folder too',
    find: /url\(\/(?=[0-9a-f]{16}\.woff2\))/g,
    replace: `url(${publicPath}`,
    count: 5,
  },
  {
    reason: 'our French for what OHIF says in English only (viewer/ohif/french.js)',
    find: /(esm_i18next\/\* \["default"\]\.addLocales \*\/\.A\.addLocales = addLocales;)/g,
    replace: '$1 addLocales({ fr: window.drimboxFrench });',
    count: 1,
  },
];
