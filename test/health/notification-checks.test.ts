/** The doctor says whether those who must be told of an alert can be. */
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { type AlertChannelPort, type DoctorPorts, runDoctor } from '../../plugin/health/index.ts';

const resultOf = async (ports: Omit<DoctorPorts, 'clock'>) => {
  const { results } = await runDoctor({ clock: () => 0, ...ports });
  return results.find(({ name }) => name === 'alert-channels');
};
const channel = (name: AlertChannelPort['name'], failure?: Error): AlertChannelPort => ({
  name,
  checkReachable: () => (failure === undefined ? Promise.resolve() : Promise.reject(failure)),
});

describe('the channels of alerts', () => {
  test('are well when each can be reached', async () =>
    expect(await resultOf({ alertChannels: () => [channel('email'), channel('webhook')] })).toMatchObject({
      state: 'ok',
      message: 'Les alertes peuvent être envoyées (e-mail, webhook).',
    }));

  test('name the one that fails, with its code and figures', async () => {
    const failure = new DrimboxError('notification/login-refused', { detail: 'AUTH 535 5.7.8' });
    expect(await resultOf({ alertChannels: () => [channel('webhook'), channel('email', failure)] })).toMatchObject({
      state: 'failed',
      details: [
        'e-mail : Le serveur de messagerie refuse le compte qui envoie les alertes. (notification/login-refused, AUTH 535 5.7.8)',
      ],
      remedy: expect.stringContaining('DrimBox.Alerts'),
    });
  });

  test('an error nobody foresaw shows nothing of its text', async () => {
    const result = await resultOf({ alertChannels: () => [channel('email', new Error('pacs@exemple.fr'))] });
    expect(result?.state).toBe('failed');
    expect(JSON.stringify(result)).not.toContain('@exemple.fr');
  });

  test('none configured is a choice, and is said', async () =>
    expect(await resultOf({ alertChannels: () => [] })).toMatchObject({
      state: 'ok',
      message: expect.stringContaining('drimbox alerts'),
    }));

  test('authorities or secrets that cannot be read are a failure', async () =>
    expect(
      await resultOf({
        alertChannels: () => {
          throw new DrimboxError('config/unreadable', { detail: '/etc/drimbox/ca.pem' });
        },
      }),
    ).toMatchObject({ state: 'failed', message: expect.stringContaining('config/unreadable') }));

  test('not looked at is skipped', async () => expect(await resultOf({})).toMatchObject({ state: 'skipped' }));
});
