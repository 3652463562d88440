/** The PACS: is it there, is it recent enough, does its hook speak to us, is its index safe from us. */
import { asDrimboxError } from '../errors.ts';
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { formatDuration } from './durations.ts';

/** Floor and target of design.md §5. */
const oldestVersion = [1, 10, 1] as const;
const testedVersion = [1, 12, 7] as const;

/** Numbers of `1.12.7`; undefined for a development version (`mainline`). */
export const parseVersion = (text: string): readonly number[] | undefined => {
  const match = /^([0-9]+)\.([0-9]+)(?:\.([0-9]+))?/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
};

const isOlder = (version: readonly number[], than: readonly number[]): boolean => {
  for (const [index, part] of than.entries()) {
    const own = version[index] ?? 0;
    if (own !== part) return own < part;
  }
  return false;
};

export const orthancCheck = ({ orthanc }: DoctorPorts): HealthCheck => ({
  name: 'orthanc-reachable',
  run: async () => {
    if (orthanc === undefined) return skipped('PACS non interrogé.');
    let version: string;
    try {
      ({ version } = await orthanc.system());
    } catch (error) {
      return {
        state: CheckState.failed,
        message: asDrimboxError(error).publicText,
        remedy: 'Vérifier qu’Orthanc est démarré, Orthanc.Url, et Orthanc.Username avec Orthanc.PasswordFile.',
      };
    }
    const numbers = parseVersion(version);
    const shown = /^[\w.+-]{1,40}$/.test(version) ? version : 'inconnue';
    if (numbers === undefined) {
      return {
        state: CheckState.warning,
        message: `Orthanc répond, version ${shown} : non reconnue.`,
        remedy: `Utiliser une version publiée, ${testedVersion.join('.')} ou plus récente.`,
      };
    }
    if (isOlder(numbers, oldestVersion)) {
      return {
        state: CheckState.failed,
        message: `Orthanc ${shown} est trop ancien.`,
        remedy: `Installer Orthanc ${oldestVersion.join('.')} au moins ; ${testedVersion.join('.')} ou plus récent est conseillé.`,
      };
    }
    return { state: CheckState.ok, message: `Orthanc ${shown} répond.` };
  },
});

export const pluginsCheck = ({ orthanc }: DoctorPorts): HealthCheck => ({
  name: 'orthanc-plugins',
  run: async () => {
    if (orthanc?.listPlugins === undefined) return skipped('Extensions non examinées.');
    const plugins = await orthanc.listPlugins();
    if (!plugins.some((name) => /^python/i.test(name))) {
      return {
        state: CheckState.failed,
        message: 'L’extension Python d’Orthanc n’est pas chargée : le crochet ne peut pas fonctionner.',
        remedy:
          'Installer le paquet orthanc-python et nommer orthanc-config/drimbox.py dans la clé PythonScript d’Orthanc.',
      };
    }
    return { state: CheckState.ok, message: 'L’extension Python d’Orthanc est chargée.' };
  },
});

/** @param silentAfterMs  without a word of the hook for so long, somebody should look */
export const hookCheck = ({ orthanc, clock }: DoctorPorts, silentAfterMs: number): HealthCheck => ({
  name: 'orthanc-hook',
  run: async () => {
    if (orthanc?.lastHookContactAtUtcMs === undefined) return skipped('Dernier passage du crochet inconnu.');
    const remedy =
      'Si le PACS a reçu ou supprimé des images depuis : vérifier PythonScript, DrimBox.Orthanc.Hook (mêmes adresse et secret des deux côtés) et le journal d’Orthanc. La relecture périodique rattrape ce qui manque.';
    const last = await orthanc.lastHookContactAtUtcMs();
    if (last === undefined) {
      return { state: CheckState.warning, message: 'Le crochet d’Orthanc ne s’est jamais manifesté.', remedy };
    }
    const silence = clock() - last;
    const message = `Dernier message du crochet d’Orthanc il y a ${formatDuration(silence)}.`;
    return silence > silentAfterMs ? { state: CheckState.warning, message, remedy } : { state: CheckState.ok, message };
  },
});

export const indexCheck = ({ index }: DoctorPorts): HealthCheck => ({
  name: 'orthanc-index',
  run: async () => {
    if (index === undefined) return skipped('Index lu par l’API REST : rien à vérifier.');
    try {
      await index.checkReadable();
    } catch (error) {
      return {
        state: CheckState.failed,
        message: asDrimboxError(error).publicText,
        remedy:
          'Vérifier Orthanc.IndexUrl, Orthanc.IndexPasswordFile et les droits du rôle ; sans IndexUrl, l’API REST est utilisée.',
      };
    }
    const writable = await index.listWritableTables();
    if (writable.length > 0) {
      return {
        state: CheckState.warning,
        message: 'Le rôle qui lit l’index d’Orthanc pourrait y écrire.',
        details: writable.slice(0, 10),
        remedy: 'Employer un rôle qui n’a que SELECT (orthanc-config/read-only-role.sql).',
      };
    }
    return { state: CheckState.ok, message: 'L’index d’Orthanc est lu par un rôle en lecture seule.' };
  },
});
