/** Run by scripts/viewer-setup.ts, which says where OHIF is. */
import { defineConfig } from 'vite';

export default defineConfig({
  base: '/visionneuse/',
  publicDir: false,
  // The policy of the page allows no script and no style that stands in the page itself.
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: 'examen.html' },
  },
});
