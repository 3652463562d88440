/**
 * A sidecar that takes connections and never answers: a process stopped in its tracks (SIGSTOP), as a hung one is.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface SilentSidecar {
  readonly port: number;
  close(): Promise<void>;
}

const program = `
const server = require('node:http').createServer((request, response) => response.writeHead(204).end());
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume().on('end', () => process.exit());`;

export const startSilentSidecar = async (): Promise<SilentSidecar> => {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  child.kill('SIGSTOP');
  return {
    port: Number(line.toString()),
    close: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
};
