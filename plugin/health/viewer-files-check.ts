/** What browsers load is there, whole. */
import { CheckState, type HealthCheck } from './check-result.ts';
import type { DoctorPorts } from './doctor-ports.ts';
import { counted } from './durations.ts';
import { describeFailure, remedyFor, withViewer } from './trust-findings.ts';

const maxShown = 5;

const listed = (paths: readonly string[], what: string): readonly string[] => [
  ...paths.slice(0, maxShown).map((path) => `${path} : ${what}`),
  ...(paths.length > maxShown ? [`… et ${counted(paths.length - maxShown, 'autre')}`] : []),
];

export const viewerFilesCheck = (ports: DoctorPorts): HealthCheck => ({
  name: 'viewer-files',
  run: withViewer(ports, async (looks) => {
    const facts = await looks.files();
    const folder = `Dossier : ${facts.folder}`;
    switch (facts.kind) {
      case 'complete': {
        const size = `${(facts.bytes / 1_000_000).toFixed(0)} Mo`;
        const message = `La visionneuse est complète (${counted(facts.files, 'fichier')}, ${size}).`;
        return { state: CheckState.ok, message, details: [folder] };
      }
      case 'absent':
        return {
          state: CheckState.failed,
          message: describeFailure(facts),
          details: [folder],
          remedy: remedyFor(facts.code),
        };
      case 'incomplete':
        return {
          state: CheckState.failed,
          message: 'La visionneuse est incomplète : des navigateurs n’afficheront rien.',
          details: [folder, ...listed(facts.missing, 'absent'), ...listed(facts.changed, 'd’une autre taille')],
          remedy:
            'Recopier le dossier en entier depuis la livraison, ou lancer scripts/setup --runtime --viewer, puis redémarrer le service.',
        };
    }
  }),
});
