/**
 * The names that browsers know the viewer by: the certificate of each on disk, read as the service reads it, and what the running
 * listener shows for that name.
 *
 * @see DB.VI-SO.07 (several FQDN) · facts/spec.md b.8
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { asDrimboxError } from '../errors.ts';
import { buildViewerTlsOptions, createServerCertificates, serverCertificatesOptions } from '../trust/index.ts';
import type { ViewerAccessOptions } from '../viewer-access/index.ts';
import { type LookPorts, patienceMs } from './trust-setting.ts';
import type { ViewerAnswer, ViewerNameFacts, ViewerNamesFacts } from './viewer-facts.ts';
import { askListener, listenerPlace, networkWord, type ViewerSetting } from './viewer-setting.ts';

type CertificateFiles = ViewerAccessOptions['certificates'][number];

const noAlerts = { raise: () => undefined, clear: () => undefined };

const readCertificate = async (
  files: CertificateFiles,
  { clock }: LookPorts,
): Promise<ViewerNameFacts['certificate']> => {
  try {
    const options = serverCertificatesOptions.parse({ certificates: [files] });
    const ports = { shared: buildViewerTlsOptions(), clock, alerts: noAlerts };
    const [facts] = (await createServerCertificates(options, ports)).listCertificates();
    const { notBeforeUtcMs = Number.NaN, notAfterUtcMs = Number.NaN } = facts ?? {};
    return { kind: 'good', notBeforeUtcMs, notAfterUtcMs };
  } catch (cause) {
    const { code, detail } = asDrimboxError(cause);
    return { kind: 'unusable', code, detail };
  }
};

const fingerprintOf = async ({ certificateFile }: CertificateFiles): Promise<string | undefined> => {
  try {
    return new X509Certificate(await readFile(certificateFile)).fingerprint256;
  } catch {
    return undefined;
  }
};

const stateOf: Readonly<Record<number, boolean>> = { 200: true, 503: false };

const ask = async (viewer: ViewerAccessOptions, files: CertificateFiles, ports: LookPorts): Promise<ViewerAnswer> => {
  const [path] = viewer.healthPaths;
  const timeoutMs = patienceMs(Number.MAX_SAFE_INTEGER, ports);
  try {
    const question = { name: files.name, path: path ?? '/', timeoutMs };
    const [{ status, fingerprint, untrusted }, ours] = await Promise.all([
      askListener(viewer, question),
      fingerprintOf(files),
    ]);
    return {
      kind: 'answering',
      isUp: path === undefined ? undefined : stateOf[status],
      showsOurs: fingerprint === ours,
      ...(untrusted === undefined ? {} : { untrusted }),
    };
  } catch (failure) {
    return { kind: 'silent', detail: networkWord(failure) };
  }
};

export const lookAtViewerNames = async (
  { viewer, environment }: ViewerSetting,
  ports: LookPorts,
): Promise<ViewerNamesFacts> => {
  const names = await Promise.all(
    viewer.certificates.map(async (files): Promise<ViewerNameFacts> => {
      const [certificate, answer] = await Promise.all([readCertificate(files, ports), ask(viewer, files, ports)]);
      return { name: files.name, certificate, answer };
    }),
  );
  const { host, port } = listenerPlace(viewer);
  return { place: `${host}:${port}`, names, mustBePublic: environment === 'production' };
};
