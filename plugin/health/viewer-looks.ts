/** How the doctor looks at the viewer: as the service and a browser do, and without changing anything. */
import { lookAtFranceConnect, lookAtProSanteConnect } from './sign-in-look.ts';
import type { LookPorts } from './trust-setting.ts';
import type { ViewerLooks } from './viewer-facts.ts';
import { lookAtViewerFiles } from './viewer-files-look.ts';
import { lookAtViewerNames } from './viewer-names-look.ts';
import type { ViewerSetting } from './viewer-setting.ts';

export const createViewerLooks = (setting: ViewerSetting, ports: LookPorts): ViewerLooks => {
  const { proSanteConnect, franceConnect } = setting.signIn;
  return {
    files: () => lookAtViewerFiles(setting.viewer.staticFolder ?? setting.staticFolder),
    names: () => lookAtViewerNames(setting, ports),
    ...(proSanteConnect && { proSanteConnect: () => lookAtProSanteConnect(proSanteConnect, setting, ports) }),
    ...(franceConnect && { franceConnect: () => lookAtFranceConnect(franceConnect, setting, ports) }),
  };
};
