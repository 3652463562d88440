/** Loopback HTTP port by which another process drives the stand-in: POST /mint, /revoke, /faults; DELETE /faults; GET /log. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { faultKinds, pscEndpointNames } from './fault-orders.ts';
import { personas } from './personas.ts';
import type { Psc } from './start-psc.ts';

const mintShape = z.strictObject({
  persona: z.string().refine((key) => Object.hasOwn(personas, key), 'no such persona'),
  clientId: z.string().optional(),
  expiresInSeconds: z.int().min(1).optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
});
const revokeShape = z.strictObject({ token: z.string() });
const faultShape = z.strictObject({
  kind: z.enum(faultKinds),
  endpoints: z.array(z.enum(pscEndpointNames)).optional(),
  delayMs: z.int().min(0).optional(),
  status: z.int().min(200).max(599).optional(),
  body: z.unknown().optional(),
});

const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
};

/** Exact optional properties: a key that is undefined goes. */
const given = <Fields extends object>(fields: Fields): { [Key in keyof Fields]: Exclude<Fields[Key], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;

const act = async (psc: Psc, request: IncomingMessage): Promise<unknown> => {
  switch (`${request.method} ${request.url}`) {
    case 'GET /log':
      return psc.log;
    case 'POST /mint': {
      const { persona, ...options } = mintShape.parse(await readJson(request));
      return { token: await psc.mintToken(personas[persona as keyof typeof personas], given(options)) };
    }
    case 'POST /revoke':
      await psc.revoke(revokeShape.parse(await readJson(request)).token);
      return {};
    case 'POST /faults': {
      const fault = faultShape.parse(await readJson(request));
      const { kind } = fault;
      await psc.faults.order(kind === 'down' ? { kind } : { ...given(fault), kind });
      return { ordered: kind };
    }
    case 'DELETE /faults':
      await psc.faults.clear();
      return { ordered: null };
    default:
      return undefined;
  }
};

const send = (response: ServerResponse, status: number, content: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(content));
};

export const startControlListener = async (
  psc: Psc,
  port: number,
): Promise<{ readonly url: string; readonly close: () => Promise<void> }> => {
  const server = createServer((request, response) => {
    act(psc, request).then(
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
