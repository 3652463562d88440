/** Two listeners cannot share a port. (Senders and structures given twice are refused by their rooms.) */
import type { Findings, ReadSections } from './address-checks.ts';

interface Listening {
  readonly path: string;
  readonly host: string;
  readonly port: number;
}

const listeningPorts = (options: ReadSections): readonly Listening[] => {
  const all: Listening[] = (options.hl7?.listeners ?? []).map(({ host, port }, index) => ({
    path: `DrimBox.Hl7.Listeners[${index}].Port`,
    host,
    port,
  }));
  if (options.orthanc) all.push({ path: 'DrimBox.Orthanc.Hook.Port', ...options.orthanc.hook });
  if (options.wado) all.push({ path: 'DrimBox.Wado.Port', ...options.wado });
  if (options.viewer) all.push({ path: 'DrimBox.Viewer.Port', ...options.viewer });
  return all.filter(({ port }) => port !== 0);
};

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::' || host === '';
const canonicalHost = (host: string): string => (host === 'localhost' ? '127.0.0.1' : host);
const overlaps = (a: Listening, b: Listening): boolean =>
  a.port === b.port && (isWildcard(a.host) || isWildcard(b.host) || canonicalHost(a.host) === canonicalHost(b.host));

/** Tells each port that an earlier listener has already; 0 (any free port) never collides. */
export const checkPorts = (options: ReadSections, { faults }: Findings): void => {
  const all = listeningPorts(options);
  for (const [index, one] of all.entries()) {
    const other = all.slice(0, index).find((earlier) => overlaps(earlier, one));
    if (other !== undefined) faults.push({ path: one.path, problem: `is the same port as ${other.path}` });
  }
};
