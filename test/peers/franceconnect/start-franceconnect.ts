/** FranceConnect+ of tests and of the sandbox: one platform, over HTTPS, that can be told to fail. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from 'undici';
import type { TestCa } from '../ca/test-ca.ts';
import { answerFault } from '../psc/fault-answers.ts';
import { type FaultOrder, FaultOrders, type PscEndpointName } from '../psc/fault-orders.ts';
import { HttpsListener, type Serve } from '../psc/https-listener.ts';
import type { ForgeryOrder } from '../psc/token-forgery.ts';
import type { FranceConnectClientOrder } from './clients.ts';
import { Platform } from './platform.ts';
import { franceConnectRoutes, platformPath } from './provider-settings.ts';

export interface FranceConnectOrder {
  readonly ca: TestCa;
  readonly clients: readonly FranceConnectClientOrder[];
  readonly port?: number;
}

/** One request as it was answered; nothing of its content. */
export interface FranceConnectLogLine {
  readonly endpoint: PscEndpointName;
  readonly method: string;
  readonly status: number;
}

export interface FranceConnectStandIn {
  readonly url: string;
  readonly issuer: string;
  readonly discoveryUrl: string;
  readonly log: readonly FranceConnectLogLine[];
  readonly faults: {
    readonly order: (fault: FaultOrder | { readonly kind: 'down' }) => Promise<void>;
    readonly clear: () => Promise<void>;
  };
  /** What is wrong with the tokens made from now on; undefined: nothing. */
  readonly forge: (order: ForgeryOrder | undefined) => void;
  /** Another key signs from now on; the old one is published no more. */
  readonly rotateKeys: () => void;
  /** [refused] Whether parameters of PKCE are taken. */
  readonly takePkce: (takes: boolean) => void;
  readonly stop: () => Promise<void>;
}

const discoveryPath = '/.well-known/openid-configuration';

const endpoints: Readonly<Record<string, PscEndpointName>> = {
  [discoveryPath]: 'discovery',
  [franceConnectRoutes.jwks]: 'keys',
  [franceConnectRoutes.userinfo]: 'userinfo',
  [franceConnectRoutes.token]: 'token',
};

const serveWithFaults =
  (log: FranceConnectLogLine[], faults: FaultOrders, platformOf: () => Platform | undefined): Serve =>
  async (request, response) => {
    const url = request.url ?? '';
    const path = url.startsWith(`${platformPath}/`) ? url.slice(platformPath.length) : undefined;
    const endpoint = endpoints[path?.split('?')[0] ?? ''] ?? 'other';
    response.once('close', () => {
      log.push({ endpoint, method: request.method ?? '', status: response.statusCode });
    });
    const fault = faults.at(endpoint);
    if (fault?.kind === 'slow') await delay(fault.delayMs ?? 1000, undefined, { ref: false });
    if (fault !== undefined && answerFault(fault, response)) return;
    const platform = platformOf();
    if (path !== undefined && platform !== undefined) await platform.serve(request, response, path);
    else response.writeHead(404).end();
  };

/** @throws Error of the operating system when the port is taken */
export const startFranceConnect = async (order: FranceConnectOrder): Promise<FranceConnectStandIn> => {
  const faults = new FaultOrders();
  const log: FranceConnectLogLine[] = [];
  const agent = new Agent({ connect: { ca: readFileSync(order.ca.chainFile) } });
  const opened: { platform?: Platform } = {};
  const listener = new HttpsListener(
    { server: order.ca.server, chainFile: order.ca.chainFile, port: order.port ?? 0 },
    serveWithFaults(log, faults, () => opened.platform),
  );
  await listener.open();
  const url = `https://127.0.0.1:${listener.port}`;
  const issuer = url + platformPath;
  const platform = await Platform.open({ issuer, clients: order.clients, agent });
  opened.platform = platform;
  return {
    ...{ url, issuer, log, discoveryUrl: issuer + discoveryPath },
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
      platform.forgery = forged;
    },
    rotateKeys: () => platform.rotateKeys(),
    takePkce: (takes) => {
      platform.takesPkce = takes;
    },
    stop: async () => {
      await listener.close();
      await agent.destroy();
    },
  };
};
