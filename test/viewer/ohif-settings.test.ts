/** The scripts that run before OHIF, in a window of ours. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { isWorthFetchingAhead, ownFiles } from '../../scripts/viewer-setup/ohif-files.ts';

const folder = resolve(import.meta.dirname, '../../viewer/ohif');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const ct = '1.2.840.10008.5.1.4.1.1.2';
const report = '1.2.840.10008.5.1.4.1.1.88.11';

interface DataSource {
  readonly namespace: string;
  readonly configuration: Readonly<Record<string, unknown>>;
}
interface Settings {
  readonly dataSources: readonly DataSource[];
  readonly showStudyList: boolean;
  readonly modesConfiguration: Readonly<
    Record<string, { extensions: { $unset: string[] }; sopClassHandlers: { $apply(list: string[]): string[] } }>
  >;
  readonly [key: string]: unknown;
}

const configure = (classes: readonly string[], isNarrow = false): Settings => {
  const window = {
    drimboxExamination: { root: '/examen/abc/dicomweb', classes, studies: [], isNarrow },
    PUBLIC_URL: '/visionneuse/ohif-x/',
  };
  const globals = {
    window,
    location: { origin: 'https://vi.example' },
    navigator: {},
  };
  runInNewContext(read('app-config.js'), globals);
  return (window as unknown as { config: Settings }).config;
};

describe('settings of OHIF', () => {
  it('has one source of images, that of the grant, on the same host', () => {
    const { dataSources } = configure([ct]);
    expect(dataSources).toHaveLength(1);
    const { configuration } = dataSources[0]!;
    for (const key of ['qidoRoot', 'wadoRoot', 'wadoUriRoot'])
      expect(configuration[key]).toBe('https://vi.example/examen/abc/dicomweb');
  });

  it('has no list of studies, no upload, no rejection, no settings or customization from the address', () => {
    const settings = configure([ct]);
    expect(settings.showStudyList).toBe(false);
    expect(settings.dataSources[0]?.configuration).toMatchObject({ dicomUploadEnabled: false, supportsReject: false });
    for (const key of ['dangerouslyUseDynamicConfig', 'customizationUrlPrefixes', 'oidc', 'multimonitor']) {
      expect(settings).not.toHaveProperty(key);
    }
  });

  it('loads the extension of a kind of object only where the examination has one', () => {
    const leftOut = (classes: readonly string[]): readonly string[] =>
      configure(classes).modesConfiguration['@ohif/mode-basic']!.extensions.$unset;
    expect(leftOut([ct])).toContain('@ohif/extension-cornerstone-dicom-sr');
    expect(leftOut([ct, report])).not.toContain('@ohif/extension-cornerstone-dicom-sr');
  });

  it('never loads what shows parametric maps: it may show the images below in their place', () => {
    const parametricMap = '1.2.840.10008.5.1.4.1.1.30';
    const mode = configure([ct, parametricMap]).modesConfiguration['@ohif/mode-basic']!;
    expect(mode.extensions.$unset).toContain('@ohif/extension-cornerstone-dicom-pmap');
  });

  it('leaves no handler of an extension that is not loaded', () => {
    const mode = configure([ct]).modesConfiguration['@ohif/mode-basic']!;
    const sr = '@ohif/extension-cornerstone-dicom-sr.sopClassHandlerModule.dicom-sr';
    const stack = '@ohif/extension-default.sopClassHandlerModule.stack';
    expect([...mode.sopClassHandlers.$apply([sr, stack])]).toEqual([stack]);
  });

  it('reaches no other host: no address of one stands in what we serve beside OHIF', () => {
    expect(readdirSync(folder).filter((name) => name !== 'release.json')).toEqual(
      [...ownFiles, 'viewer.html'].toSorted(),
    );
    for (const name of [...ownFiles, 'viewer.html']) {
      const served = read(name).replaceAll(/\/\*[\s\S]*?\*\//g, '');
      expect(served).not.toMatch(/https?:\/\//);
    }
  });

  it('has no inline script, style or handler in its page, which the policy would refuse', () => {
    const page = read('viewer.html');
    expect(page).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=|\sstyle=/);
  });
});

describe('French of measures', () => {
  const translate = (() => {
    const window: { drimboxMeasureInFrench?: (line: string) => string } = {};
    runInNewContext(read('french-measures.js'), { window, document: { addEventListener: () => undefined } });
    return (line: string): string => window.drimboxMeasureInFrench?.(line).replaceAll('\u00a0', ' ') ?? '';
  })();

  it.each([
    ['9.59 mm', '9,59 mm'],
    ['Max: 220 HU', 'Max. : 220 UH'],
    ['L: 5.64 mm', 'Grand axe : 5,64 mm'],
    ['146 mm²', '146 mm²'],
    ['123.4 mm Unknown', '123,4 mm (étalonnage inconnu)'],
    ['12.5 mm Proj', '12,5 mm (sur le détecteur)'],
    ['Mean: -140.5 HU', 'Moyenne : -140,5 UH'],
    ['Area: Oblique not supported', 'Surface : non mesuré en coupe oblique'],
  ])('%s is %s', (line, french) => expect(translate(line)).toBe(french));

  it.each(['vu le 12.03.2024, IRM 1.5T', 'L: 4', '1.2.840.10008', 'Max: voir HU', 'Area of interest', 'S: 1 I: 16'])(
    'what somebody wrote stays as it is: %s',
    (line) => expect(translate(line)).toBe(line),
  );
});

describe('the address of OHIF', () => {
  it('changes with every script that makes its files: browsers keep them for a year', () => {
    const scripts = resolve(import.meta.dirname, '../../scripts/viewer-setup');
    const makers = readdirSync(scripts).filter((name) => /^ohif-(?!package).*\.ts$/.test(name));
    const inputs = readFileSync(join(scripts, 'fingerprint.ts'), 'utf8').split('const allInputs')[0];
    expect(makers.length).toBeGreaterThan(5);
    for (const name of makers) expect(inputs).toContain(`'scripts/viewer-setup/${name}'`);
  });

  it('is fetched ahead with all that runs before it', () => {
    const page = read('viewer.html');
    const scripts = [...page.matchAll(/<script src="\{\{path\}\}([^"{]+)"/g)].map(([, name = '']) => name);
    expect(scripts.length).toBeGreaterThan(4);
    for (const name of scripts) expect([name, isWorthFetchingAhead(name)]).toEqual([name, true]);
  });
});

describe('boot of OHIF', () => {
  it('does not start outside the page of an examination', () => {
    const documentElement = { dataset: { path: '/visionneuse/ohif-x/' }, textContent: '' };
    const window = { frameElement: null };
    expect(() => runInNewContext(read('boot.js'), { window, document: { documentElement } })).toThrow(
      /opened by the page/,
    );
    expect(documentElement.textContent).toContain('Ouvrez les images depuis la page de l’examen');
  });
});
