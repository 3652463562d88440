/** Debian's Chromium with a WebGL of software, so that what a screen shows can be looked at without one. */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContext } from 'playwright-core';

const program = '/usr/bin/chromium';
export const isChromiumHere = (): boolean => existsSync(program);

const flags = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

/** As people have it: pages are kept for the back button. */
const ignoreDefaultArgs = ['--disable-back-forward-cache'];

/** @param more  further arguments of the program */
export const launchChromium = (more: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath: program, ignoreDefaultArgs, args: [...flags, ...more] });

/**
 * A person's own browser: what it keeps is on the disk, as long as the folder is.
 *
 * @param publicKey  hash (SHA-256, base64) of the public key of a certificate to believe. Certificates that are merely not
 *   complained of will not do: Chromium keeps nothing that came over such a connection
 */
export const openPersonalChromium = (folder: string, publicKey: string): Promise<BrowserContext> =>
  chromium.launchPersistentContext(folder, {
    executablePath: program,
    ignoreDefaultArgs,
    locale: 'fr-FR',
    viewport: { width: 1280, height: 800 },
    args: [
      ...flags,
      `--ignore-certificate-errors-spki-list=${publicKey}`,
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ],
  });
