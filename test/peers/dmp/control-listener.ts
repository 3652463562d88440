/**
 * Loopback HTTP port by which another process drives the stand-in: GET /entries, GET /log, POST /faults, DELETE /faults,
 * GET and DELETE /documents/{entryUUID}.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseFaultOrder } from './fault-orders.ts';
import type { DmpStandIn } from './stand-in.ts';

const readText = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const answer = (response: ServerResponse, status: number, content: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(content));
};

const serve = async (standIn: DmpStandIn, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const route = `${request.method} ${request.url}`;
  const document = /^GET \/documents\/(urn:uuid:[0-9a-f-]{36})$/.exec(route)?.[1];
  const vanished = /^DELETE \/documents\/(urn:uuid:[0-9a-f-]{36})$/.exec(route)?.[1];
  if (document !== undefined) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(standIn.documentOf(document));
  } else if (vanished !== undefined) {
    standIn.vanish(vanished);
    answer(response, 200, { vanished });
  } else if (route === 'GET /entries') answer(response, 200, standIn.entries());
  else if (route === 'GET /log') answer(response, 200, standIn.log());
  else if (route === 'POST /faults') {
    const { fault, ...limits } = parseFaultOrder(await readText(request));
    await standIn.order(fault, limits);
    answer(response, 200, { ordered: fault.kind });
  } else if (route === 'DELETE /faults') {
    await standIn.clear();
    answer(response, 200, { ordered: null });
  } else answer(response, 404, { error: 'no such route' });
};

export const startControlListener = async (
  standIn: DmpStandIn,
  port: number,
): Promise<{ url: string; close: () => Promise<void> }> => {
  const server: Server = createServer((request, response) => {
    serve(standIn, request, response).catch((error: unknown) =>
      answer(response, 400, { error: error instanceof Error ? error.message : 'error' }),
    );
  });
  await new Promise<void>((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', done);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
};
