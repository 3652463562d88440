/** Our page around OHIF, built by Vite into viewer/dist. */
import { build } from 'vite';
import { join } from 'node:path';

export interface ShellBuild {
  readonly root: string;
  readonly dist: string;
  /** Where OHIF is served, with `/` at both ends. */
  readonly ohifPath: string;
}

export const buildShell = async ({ root, dist, ohifPath }: ShellBuild): Promise<void> => {
  await build({
    configFile: join(root, 'viewer/vite.config.ts'),
    root: join(root, 'viewer'),
    logLevel: 'warn',
    define: { __OHIF_PATH__: JSON.stringify(ohifPath) },
    build: { outDir: dist, emptyOutDir: false },
  });
};
