/** Pro Santé Connect of tests and of the sandbox: one realm, over HTTPS, that can be told to fail. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from 'undici';
import type { TestCa } from '../ca/test-ca.ts';
import { exampleClients, type PscClientOrder } from './clients.ts';
import { answerFault } from './fault-answers.ts';
import { type FaultOrder, FaultOrders, type PscEndpointName } from './fault-orders.ts';
import { HttpsListener, type Serve } from './https-listener.ts';
import type { Persona } from './personas.ts';
import { pscRoutes, realmPath } from './provider-settings.ts';
import { type MintOptions, Realm } from './realm.ts';
import { discoveryPath, endpointOf, pathInRealm } from './request-path.ts';
import type { ForgeryOrder } from './token-forgery.ts';

export interface PscOrder {
  readonly ca: TestCa;
  /** The invented ones by default. */
  readonly clients?: readonly PscClientOrder[];
  readonly port?: number;
  /** [120], as PSC's. */
  readonly accessTokenSeconds?: number;
}

/** One request as it was answered; nothing of its content. */
export interface PscLogLine {
  readonly endpoint: PscEndpointName;
  readonly method: string;
  readonly status: number;
}

export interface Psc {
  readonly url: string;
  readonly issuer: string;
  readonly endpoints: Readonly<
    Record<'issuer' | 'introspectionUrl' | 'userinfoUrl' | 'keysUrl' | 'discoveryUrl' | 'tokenUrl', string>
  >;
  readonly log: readonly PscLogLine[];
  /** A token that PSC knows, unless its shape says otherwise. */
  readonly mintToken: (persona: Persona, options?: MintOptions) => Promise<string>;
  readonly revoke: (token: string) => Promise<void>;
  readonly faults: {
    readonly order: (fault: FaultOrder | { readonly kind: 'down' }) => Promise<void>;
    readonly clear: () => Promise<void>;
  };
  /** What is wrong with the tokens made from now on; undefined: nothing. */
  readonly forge: (order: ForgeryOrder | undefined) => void;
  /** A token by the key of identity and logout tokens, whatever it says. */
  readonly signToken: (
    claims: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ) => Promise<string>;
  /** PEM and `kid` of the key that signs access tokens now. */
  readonly publicKey: () => { readonly pem: string; readonly kid: string };
  /** Another key signs access tokens from now on; the old one is served no more. */
  readonly rotateKeys: () => void;
  readonly stop: () => Promise<void>;
}

/** Logs every request; serves what no fault was ordered for. */
const serveWithFaults =
  (log: PscLogLine[], faults: FaultOrders, realmOf: () => Realm | undefined): Serve =>
  async (request, response) => {
    const path = pathInRealm(request.url ?? '');
    const endpoint = endpointOf(path ?? '');
    response.once('close', () => {
      log.push({ endpoint, method: request.method ?? '', status: response.statusCode });
    });
    const fault = faults.at(endpoint);
    if (fault?.kind === 'slow') await delay(fault.delayMs ?? 1000, undefined, { ref: false });
    if (fault !== undefined && answerFault(fault, response)) return;
    const realm = realmOf();
    if (path !== undefined && realm !== undefined) await realm.serve(request, response, path);
    else response.writeHead(404).end();
  };

/** @throws Error of the operating system when the port is taken */
export const startPsc = async (order: PscOrder): Promise<Psc> => {
  const faults = new FaultOrders();
  const log: PscLogLine[] = [];
  const agent = new Agent({ connect: { ca: readFileSync(order.ca.chainFile) } });
  const opened: { realm?: Realm } = {};
  const listener = new HttpsListener(
    { server: order.ca.server, chainFile: order.ca.chainFile, port: order.port ?? 0 },
    serveWithFaults(log, faults, () => opened.realm),
  );
  await listener.open();
  const url = `https://127.0.0.1:${listener.port}`;
  const issuer = url + realmPath;
  const { clients = Object.values<PscClientOrder>(exampleClients), accessTokenSeconds = 120 } = order;
  const realm = await Realm.open({ ...{ issuer, clients, accessTokenSeconds, agent, faults } });
  opened.realm = realm;
  return {
    ...{ url, issuer, log },
    endpoints: {
      issuer,
      introspectionUrl: issuer + pscRoutes.introspection,
      userinfoUrl: issuer + pscRoutes.userinfo,
      keysUrl: issuer + pscRoutes.jwks,
      discoveryUrl: issuer + discoveryPath,
      tokenUrl: issuer + pscRoutes.token,
    },
    mintToken: (persona, options) => realm.mintToken(persona, options),
    revoke: (token) => realm.revoke(token),
    faults: {
      order: async (fault) => {
        if (fault.kind === 'down') await listener.close();
        else faults.set(fault);
      },
      clear: async () => {
        faults.set(undefined);
        await listener.open();
      },
    },
    forge: (forged) => {
      realm.forgery = forged;
    },
    signToken: (claims, header = {}) => realm.signToken(claims, header),
    publicKey: () => ({
      pem: String(realm.accessKey.publicKey.export({ type: 'spki', format: 'pem' })),
      kid: realm.accessKey.kid,
    }),
    rotateKeys: () => realm.rotateKeys(),
    stop: async () => {
      await listener.close();
      await agent.destroy();
    },
  };
};
