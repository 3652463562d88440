/** Who gets images: other DRIMboxes where Wado and Trust are configured, browsers where Viewer and SignIn are. No rules here. */
import type { Configuration } from './config/index.ts';
import type { DrimboxEvent } from './events.ts';
import { type ImageServicePorts, startImageService } from './image-service.ts';
import { builtViewerFolder } from './viewer-access/index.ts';
import { startViewerService, type ViewerServicePorts } from './viewer-service.ts';

export interface ImageListenersPorts
  extends Omit<ImageServicePorts, 'software'>,
    Pick<ViewerServicePorts, 'newUid' | 'wait' | 'softwareVersion' | 'implementationClassUid'> {
  /** IANA name of the site's zone. */
  readonly timeZone: string;
}

export interface ImageListeners {
  /** Of other DRIMboxes; absent: none. */
  readonly imagePort?: number;
  /** Of browsers; absent: none. */
  readonly viewerPort?: number;
  /** What happened to a study. */
  readonly heard: (event: DrimboxEvent) => void;
  close(): Promise<void>;
}

/** @throws as `startImageService` and `startViewerService`; what was opened is closed again */
export const startImageListeners = async (
  configuration: Configuration,
  ports: ImageListenersPorts,
): Promise<ImageListeners> => {
  const { wado, trust, viewer, signIn } = configuration;
  if (wado === undefined || trust === undefined) {
    ports.log.warn({}, 'images are given to nobody: Wado and Trust are not configured');
    return { heard: () => undefined, close: () => Promise.resolve() };
  }
  const images = await startImageService(configuration, { wado, trust }, { ...ports, software: ports.softwareVersion });
  if (viewer === undefined || signIn === undefined) {
    return { imagePort: images.port, heard: images.heard, close: () => images.close() };
  }
  const options = { viewer, signIn, timeZone: ports.timeZone };
  const browsers = await startViewerService(options, {
    ...ports,
    ...images.shared,
    staticFolder: builtViewerFolder,
  }).catch(async (error: unknown) => {
    await images.close();
    throw error;
  });
  return {
    imagePort: images.port,
    viewerPort: browsers.port,
    heard: (event) => {
      images.heard(event);
      browsers.heard(event);
    },
    close: async () => {
      await browsers.close();
      await images.close();
    },
  };
};
