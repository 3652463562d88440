/** Those who must be told of an alert can be reached. Nothing is sent for it. */
import { asDrimboxError } from '../errors.ts';
import { CheckState, type HealthCheck, skipped } from './check-result.ts';
import type { AlertChannelPort, DoctorPorts } from './doctor-ports.ts';

const channelNames: Readonly<Record<AlertChannelPort['name'], string>> = { email: 'e-mail', webhook: 'webhook' };

const failureOf = async (channel: AlertChannelPort): Promise<string | undefined> => {
  try {
    await channel.checkReachable();
    return undefined;
  } catch (cause) {
    const { publicText, code, detail } = asDrimboxError(cause);
    const figures = code === 'general/internal' || detail === '' ? code : `${code}, ${detail}`;
    return `${channelNames[channel.name]} : ${publicText} (${figures})`;
  }
};

export const notificationCheck = ({ alertChannels }: DoctorPorts): HealthCheck => ({
  name: 'alert-channels',
  run: async () => {
    if (alertChannels === undefined) return skipped('Envoi des alertes non examiné.');
    const channels = alertChannels();
    if (channels.length === 0) {
      return {
        state: CheckState.ok,
        message: 'Aucun envoi des alertes n’est configuré : elles ne sont que dans « drimbox alerts ».',
      };
    }
    const failures = (await Promise.all(channels.map(failureOf))).filter((line) => line !== undefined);
    if (failures.length > 0) {
      return {
        state: CheckState.failed,
        message: 'Des alertes ne peuvent pas être envoyées.',
        details: failures,
        remedy:
          'Vérifier DrimBox.Alerts (adresse, compte, CaFile) et la sortie réseau. Les alertes attendent et partiront d’elles-mêmes ; « drimbox alerts » les montre.',
      };
    }
    const names = channels.map(({ name }) => channelNames[name]).join(', ');
    return { state: CheckState.ok, message: `Les alertes peuvent être envoyées (${names}).` };
  },
});
