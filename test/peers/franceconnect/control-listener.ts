/** Loopback HTTP port by which another process drives the stand-in: POST /faults, /forgery, /rotate; DELETE /faults, /forgery; GET /log. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { faultKinds, pscEndpointNames } from '../psc/fault-orders.ts';
import type { FranceConnectStandIn } from './start-franceconnect.ts';

const faultShape = z.strictObject({
  kind: z.enum(faultKinds),
  endpoints: z.array(z.enum(pscEndpointNames)).optional(),
  delayMs: z.int().min(0).optional(),
  status: z.int().min(200).max(599).optional(),
});
const forgeryShape = z.strictObject({
  use: z.enum(['idtoken', 'userinfo']),
  claims: z.record(z.string(), z.unknown()).optional(),
  header: z.record(z.string(), z.unknown()).optional(),
  signature: z.enum(['good', 'none', 'hs256-public', 'hs256-secret', 'stranger']).optional(),
  encryption: z.enum(['good', 'none', 'stranger', 'short', 'without-kid']).optional(),
});

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
};

/** Exact optional properties: a key that is undefined goes. */
const given = <Fields extends object>(fields: Fields): { [Key in keyof Fields]: Exclude<Fields[Key], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

const act = async (standIn: FranceConnectStandIn, request: IncomingMessage): Promise<unknown> => {
  switch (`${request.method} ${request.url}`) {
    case 'GET /log':
      return standIn.log;
    case 'POST /faults': {
      const fault = faultShape.parse(await readJson(request));
      const { kind } = fault;
      await standIn.faults.order(kind === 'down' ? { kind } : { ...given(fault), kind });
      return { ordered: kind };
    }
    case 'DELETE /faults':
      await standIn.faults.clear();
      return { ordered: null };
    case 'POST /forgery': {
      const forgery = forgeryShape.parse(await readJson(request));
      standIn.forge({ ...given(forgery), use: forgery.use });
      return { forged: forgery.use };
    }
    case 'DELETE /forgery':
      standIn.forge(undefined);
      return { forged: null };
    case 'POST /rotate':
      standIn.rotateKeys();
      return {};
    default:
      return undefined;
  }
};

const send = (response: ServerResponse, status: number, content: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(content));
};

export const startFranceConnectControl = async (
  standIn: FranceConnectStandIn,
  port: number,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const server = createServer((request, response) => {
    act(standIn, request).then(
      (content) => send(response, content === undefined ? 404 : 200, content ?? { error: 'no such route' }),
      (error: unknown) => send(response, 400, { error: error instanceof Error ? error.message : 'error' }),
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
