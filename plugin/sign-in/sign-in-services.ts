/** The services that are configured, each with its credentials followed: a renewed secret, certificate or key needs no restart. */
import { type CertificateAlerts, type Every, followCredentials } from '../trust/index.ts';
import { type FranceConnect, openFranceConnect } from './franceconnect.ts';
import type { SignInOptions } from './options.ts';
import { openProSanteConnect, type ProSanteConnect } from './pro-sante-connect.ts';
import type { SignInPorts, SignInService } from './sign-in-service.ts';

export interface SignInServices {
  readonly proSanteConnect?: ProSanteConnect;
  readonly franceConnect?: FranceConnect;
  readonly close: () => Promise<void>;
}

export interface SignInServicesPorts extends SignInPorts {
  /** Files that cannot be used; the former stay in use. */
  readonly alerts: CertificateAlerts;
  /** Absent: a timer that keeps no process alive. */
  readonly every?: Every;
}

type Opened = Pick<SignInService, 'reload' | 'close'>;

/** @throws config/unreadable, config/invalid; what was opened is closed again */
export const openSignInServices = async (
  options: Pick<SignInOptions, 'proSanteConnect' | 'franceConnect'>,
  { alerts, every, ...ports }: SignInServicesPorts,
): Promise<SignInServices> => {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.toReversed()) await end();
  };
  const follow = <Service extends Opened>(service: Service, subject: string): Service => {
    const about = {
      raise: (code: Parameters<CertificateAlerts['raise']>[0], detail: string) => alerts.raise(code, subject, detail),
      clear: (code: Parameters<CertificateAlerts['clear']>[0]) => alerts.clear(code, subject),
    };
    const stop = followCredentials(service, about, every);
    closers.push(() => {
      stop();
      return service.close();
    });
    return service;
  };
  const { proSanteConnect: psc, franceConnect: fc } = options;
  try {
    return {
      ...(psc && { proSanteConnect: follow(openProSanteConnect(psc, ports), 'SignIn.ProSanteConnect') }),
      ...(fc && { franceConnect: follow(await openFranceConnect(fc, ports), 'SignIn.FranceConnect') }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
