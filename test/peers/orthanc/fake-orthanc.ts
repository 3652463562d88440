/**
 * An HTTP server that answers as an Orthanc in trouble would. Real bytes over a real socket.
 */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeOrthanc {
  readonly url: string;
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export const startFakeOrthanc = async (answer: RequestListener): Promise<FakeOrthanc> => {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
