/** What this machine must give: configuration, folder, database. */
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { ConfigurationFacts, DoctorPorts } from './doctor-ports.ts';
import { counted } from './durations.ts';

const lineOf = ({ path, problem, hint }: ConfigurationFacts['faults'][number]): string =>
  `${path}: ${problem}${hint === undefined ? '' : ` — ${hint}`}`;

export const configurationCheck = ({ configuration }: DoctorPorts): HealthCheck => ({
  name: 'configuration',
  run: async () => {
    if (configuration === undefined) return skipped('Configuration non examinée.');
    const { faults, warnings, files } = await configuration();
    if (faults.length > 0) {
      return {
        state: CheckState.failed,
        message: `La configuration comporte ${counted(faults.length, 'erreur')}.`,
        details: faults.map(lineOf),
        remedy: 'Corriger chaque clé indiquée ; orthanc-config/drimbox.example.json explique chacune d’elles.',
      };
    }
    if (warnings.length > 0) {
      return {
        state: CheckState.warning,
        message: `La configuration est valide, avec ${counted(warnings.length, 'remarque')}.`,
        details: warnings.map(lineOf),
        remedy: 'Vérifier que chacun de ces choix est voulu.',
      };
    }
    return { state: CheckState.ok, message: `Configuration valide (${counted(files.length, 'fichier')}).` };
  },
});

export const folderCheck = ({ folder }: DoctorPorts): HealthCheck => ({
  name: 'folder-writable',
  run: async () => {
    if (folder === undefined) return skipped('Dossier de données non examiné.');
    try {
      await folder.checkWritable();
    } catch {
      return {
        state: CheckState.failed,
        message: `Impossible d’écrire dans ${folder.path}.`,
        remedy:
          'Créer ce dossier (Store.Folder) et le donner à l’utilisateur du service, droits 700 ; vérifier la place sur le disque.',
      };
    }
    return { state: CheckState.ok, message: `Le dossier ${folder.path} est accessible en écriture.` };
  },
});

export const databaseCheck = ({ database }: DoctorPorts): HealthCheck => ({
  name: 'database',
  run: async () => {
    if (database === undefined) return skipped('Base de données non examinée.');
    try {
      await database.checkAlive();
    } catch {
      return {
        state: CheckState.failed,
        message: 'La base de données ne répond pas.',
        remedy:
          database.kind === 'postgres'
            ? 'Vérifier que PostgreSQL est démarré, Store.Url, le mot de passe (Store.PasswordFile) et les droits du rôle.'
            : 'Vérifier Store.Folder et la place sur le disque ; un seul processus peut ouvrir la base embarquée.',
      };
    }
    const kind = database.kind === 'postgres' ? 'PostgreSQL' : 'base embarquée, pour un petit site';
    return { state: CheckState.ok, message: `La base de données répond (${kind}).` };
  },
});
