/** What an archive that is handed over says of its origin, and what one that is taken over is checked against. */
import type { XdmSender } from '../archive/index.ts';

/** Who hands over, and for which patients this DRIMbox is (decision A1). */
export interface ArchiveSite extends XdmSender {
  readonly environment: 'test' | 'production';
}

/** From the configuration, or the parts of it that are needed. */
export const archiveSiteOf = (
  configuration: {
    readonly environment: 'test' | 'production';
    readonly software: { readonly name: string; readonly manufacturer: string; readonly version?: string | undefined };
    readonly dmp: { readonly structures: readonly { readonly id: string; readonly name: string }[] };
  },
  softwareVersion: string,
): ArchiveSite => {
  const { environment, software, dmp } = configuration;
  const { name, manufacturer, version = softwareVersion } = software;
  return {
    environment,
    structures: dmp.structures.map((structure) => ({ id: structure.id, name: structure.name })),
    software: { name, manufacturer, version },
  };
};
