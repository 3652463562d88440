/** Addresses: no password written in one, nothing in clear without saying so, nothing open by mistake. */
import type { ConfigurationFault } from './faults.ts';
import { displayPath } from './key-names.ts';
import { textLeaves } from './option-tree.ts';
import type { ConfigurationOptions } from './schema.ts';

/** The sections that were read without a fault. */
export type ReadSections = Partial<ConfigurationOptions>;
export interface Findings {
  readonly faults: ConfigurationFault[];
  readonly warnings: ConfigurationFault[];
}

const urlWithPassword = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*:[^/?#]*@|[?&](password|passwd|pwd)=/i;

export const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.[0-9]{1,3}){3}$/.test(host);

/** @param fromEnvironment  paths joined by dots: a password in an environment variable is accepted */
export const checkPasswordsInUrls = (
  tree: unknown,
  fromEnvironment: ReadonlySet<string>,
  allowInStoreUrl: boolean,
  { faults, warnings }: Findings,
): void => {
  for (const { path } of textLeaves(tree).filter(({ text }) => urlWithPassword.test(text))) {
    const key = path.join('.');
    const shown = displayPath(path);
    const isCovered = [...path.keys()].some((depth) => fromEnvironment.has(path.slice(0, depth + 1).join('.')));
    if (isCovered) continue;
    if (key === 'store.url' && allowInStoreUrl) {
      warnings.push({
        path: shown,
        problem: 'INSECURE: holds a password (AllowPasswordInUrl)',
        hint: 'prefer PasswordFile',
      });
      continue;
    }
    faults.push({
      path: shown,
      problem: 'holds a password',
      hint:
        key === 'store.url'
          ? 'put it in a file named by PasswordFile, or set DRIMBOX_STORE in the environment; AllowPasswordInUrl accepts it here'
          : 'put it in a file, named by the …PasswordFile key beside it',
    });
  }
};

const protocolOf = (url: string): string => URL.parse(url)?.protocol ?? '';
const hostOf = (url: string): string => URL.parse(url)?.hostname ?? '';

const checkRetrieveUrlBase = (options: ReadSections, { faults, warnings }: Findings): void => {
  const base = options.retrieveUrlBase;
  if (base === undefined) return;
  const path = 'DrimBox.RetrieveUrlBase';
  if (base.endsWith('/')) faults.push({ path, problem: 'must not end with a slash' });
  if (/[?#]|\/\/[^/]*@/.test(base)) faults.push({ path, problem: 'must have no user, query or fragment' });
  if (protocolOf(base) !== 'http:') return;
  if (options.allowInsecureRetrieveUrl === true) {
    warnings.push({
      path,
      problem: 'INSECURE: http:// in every manifest (AllowInsecureRetrieveUrl)',
      hint: 'use https://',
    });
  } else if (options.allowInsecureRetrieveUrl === false) {
    faults.push({ path, problem: 'must be https://', hint: 'tests on one machine may set AllowInsecureRetrieveUrl' });
  }
};

const checkWebhook = (options: ReadSections, { faults, warnings }: Findings): void => {
  const webhook = options.alerts?.webhook;
  if (webhook === undefined || protocolOf(webhook.url) !== 'http:' || isLoopbackHost(hostOf(webhook.url))) return;
  const path = 'DrimBox.Alerts.Webhook.Url';
  if (webhook.allowInsecureUrl) warnings.push({ path, problem: 'INSECURE: alerts leave in clear (AllowInsecureUrl)' });
  else faults.push({ path, problem: 'must be https://', hint: 'or set AllowInsecureUrl' });
};

const checkOpenListeners = (options: ReadSections, { warnings }: Findings): void => {
  for (const [index, listener] of (options.hl7?.listeners ?? []).entries()) {
    const isOpen = (listener.allowedAddresses ?? []).length === 0;
    if (!isLoopbackHost(listener.host) && isOpen) {
      warnings.push({
        path: `DrimBox.Hl7.Listeners[${index}]`,
        problem: 'INSECURE: takes reports from any machine that reaches it',
        hint: 'list the addresses of the RIS in AllowedAddresses',
      });
    }
  }
  const hook = options.orthanc?.hook;
  if (hook !== undefined && !isLoopbackHost(hook.host)) {
    warnings.push({
      path: 'DrimBox.Orthanc.Hook.Host',
      problem: 'INSECURE: listens to other machines than this one, in clear',
      hint: 'use 127.0.0.1, or let only Orthanc’s machine reach this port',
    });
  }
};

/** Hosts of the DMP that are no production: numbered development servers, and this machine. */
const testHost = /(^|\.)(dev|test|formation|preprod)[0-9]*(\.|-)|(^|\.)localhost$/i;
const nationalDomain = /(^|\.)dmp\.gouv\.fr$/i;

const checkEnvironment = (options: ReadSections, { warnings }: Findings): void => {
  const { environment, dmp } = options;
  const host = hostOf(dmp?.baseUrl ?? '');
  const isTest = testHost.test(host) || isLoopbackHost(host);
  if (environment === 'production' && host !== '' && isTest) {
    warnings.push({
      path: 'DrimBox.Dmp.BaseUrl',
      problem: 'looks like a test server although Environment is "production"',
    });
  }
  if (environment === 'test' && nationalDomain.test(host) && !isTest) {
    warnings.push({
      path: 'DrimBox.Dmp.BaseUrl',
      problem: 'looks like the production DMP although Environment is "test"',
    });
  }
  if (environment === 'production' && /^1\.2\.250\.1\.999999(\.|$)/.test(dmp?.sourceId ?? '')) {
    warnings.push({
      path: 'DrimBox.Dmp.SourceId',
      problem: 'is the invented OID of the example',
      hint: 'give the OID of your site',
    });
  }
};

/** Everything about addresses that one section alone cannot tell. */
export const checkAddresses = (options: ReadSections, findings: Findings): void => {
  checkRetrieveUrlBase(options, findings);
  checkWebhook(options, findings);
  checkOpenListeners(options, findings);
  checkEnvironment(options, findings);
};
