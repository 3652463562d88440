/** A second sidecar of the same site: same PostgreSQL, same Orthanc, own ports and folder. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findFreePort } from '../peers/postgres/index.ts';
import type { Site } from '../peers/site/index.ts';
import type { SidecarPlace } from './crash-loop.ts';

interface Section {
  Store: { Folder: string };
  Orthanc: { Hook: { Port: number } };
  Hl7: { Listeners: { Port: number }[] };
}

/** Orthanc's hook knows the first one only: the second learns of images from the shared store. */
export const describeSecondSidecar = async (site: Site): Promise<SidecarPlace & { readonly mllpPort: number }> => {
  const { DrimBox } = JSON.parse(readFileSync(site.configFile, 'utf8')) as { DrimBox: Section };
  const folder = join(site.folder, 'second');
  mkdirSync(folder);
  const mllpPort = await findFreePort();
  DrimBox.Store.Folder = join(folder, 'store');
  DrimBox.Orthanc.Hook.Port = await findFreePort();
  DrimBox.Hl7.Listeners = [{ ...DrimBox.Hl7.Listeners[0], Port: mllpPort }];
  const configFile = join(folder, 'drimbox.json');
  writeFileSync(configFile, JSON.stringify({ DrimBox }, undefined, 2));
  return { folder, name: 'second', configFile, env: site.env, mllpPort };
};
