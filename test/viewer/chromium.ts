/** Debian's Chromium with a WebGL of software, so that what a screen shows can be looked at without one. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const program = '/usr/bin/chromium';
export const isChromiumHere = (): boolean => existsSync(program);

/** @param more  further arguments of the program */
export const launchChromium = (more: readonly string[] = []): Promise<Browser> =>
  chromium.launch({
    executablePath: program,
    // As people have it: pages are kept for the back button.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      ...more,
    ],
  });
