/**
 * The stand-in as its own process.
 *
 * `node test/peers/dmp/main.ts --folder FOLDER [--ca FOLDER] [--port N] [--control-port N] [--no-schemas]`
 * prints one JSON line `{ "baseUrl", "controlUrl", "pid" }` when it listens; SIGTERM or SIGINT stops it.
 */
import { parseArgs } from 'node:util';
import { makeCa } from '../ca/make-ca.ts';
import { startControlListener } from './control-listener.ts';
import { startDmpStandIn } from './stand-in.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    ca: { type: 'string', default: '.cache/ca' },
    port: { type: 'string', default: '0' },
    'control-port': { type: 'string', default: '0' },
    'no-schemas': { type: 'boolean', default: false },
  },
});
if (values.folder === undefined) {
  console.error('usage: main.ts --folder FOLDER [--ca FOLDER] [--port N] [--control-port N] [--no-schemas]');
  process.exit(2);
}

const ca = await makeCa(values.ca);
const standIn = await startDmpStandIn({
  folder: values.folder,
  ca,
  port: Number(values.port),
  ...(values['no-schemas'] ? { schemaFolder: null } : {}),
});
const control = await startControlListener(standIn, Number(values['control-port']));

const stop = async (): Promise<void> => {
  await Promise.all([standIn.close(), control.close()]);
  process.exit(0);
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
console.log(JSON.stringify({ baseUrl: standIn.baseUrl, controlUrl: control.url, pid: process.pid }));
