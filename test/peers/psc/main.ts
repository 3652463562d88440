/**
 * The stand-in as its own process.
 *
 * `node test/peers/psc/main.ts [--ca FOLDER] [--clients FILE] [--port N] [--control-port N]` prints one JSON line
 * `{ "issuer", "controlUrl", "endpoints", "pid" }` when it listens; SIGTERM or SIGINT stops it.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeCa } from '../ca/make-ca.ts';
import { exampleClients, parsePscClients, type PscClientOrder } from './clients.ts';
import { startControlListener } from './control-listener.ts';
import { startPsc } from './start-psc.ts';

const { values } = parseArgs({
  options: {
    ca: { type: 'string', default: '.cache/ca' },
    clients: { type: 'string' },
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
  },
});

const added = values.clients === undefined ? [] : parsePscClients(readFileSync(values.clients, 'utf8'));
const clients = [...Object.values<PscClientOrder>(exampleClients), ...added];
const psc = await startPsc({ ca: await makeCa(values.ca), clients, port: Number(values.port) });
const control = await startControlListener(psc, Number(values['control-port']));

const stop = async (): Promise<void> => {
  await Promise.all([psc.stop(), control.close()]);
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
console.log(
  JSON.stringify({ issuer: psc.issuer, controlUrl: control.url, endpoints: psc.endpoints, pid: process.pid }),
);
