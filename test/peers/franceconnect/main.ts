/**
 * The stand-in as its own process.
 *
 * `node test/peers/franceconnect/main.ts --clients FILE [--ca FOLDER] [--port N] [--control-port N]` prints one JSON line
 * `{ "issuer", "discoveryUrl", "controlUrl", "pid" }` when it listens; SIGTERM or SIGINT stops it. FILE: see clients.ts.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeCa } from '../ca/make-ca.ts';
import { parseFranceConnectClients } from './clients.ts';
import { startFranceConnectControl } from './control-listener.ts';
import { startFranceConnect } from './start-franceconnect.ts';

const { values } = parseArgs({
  options: {
    clients: { type: 'string' },
    ca: { type: 'string', default: '.cache/ca' },
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
  },
});
if (values.clients === undefined) throw new Error('--clients FILE');

const clients = parseFranceConnectClients(readFileSync(values.clients, 'utf8'));
const standIn = await startFranceConnect({ ca: await makeCa(values.ca), clients, port: Number(values.port) });
const control = await startFranceConnectControl(standIn, Number(values['control-port']));

const stop = async (): Promise<void> => {
  await Promise.all([standIn.stop(), control.close()]);
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
const { issuer, discoveryUrl } = standIn;
console.log(JSON.stringify({ issuer, discoveryUrl, controlUrl: control.url, pid: process.pid }));
