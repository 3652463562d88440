/** What the sections Viewer and SignIn must have in common, and with the environment (decision A1). */
import { lackingTraits } from '../sign-in/index.ts';
import type { Findings, ReadSections } from './address-checks.ts';

const environmentOfPsc = { test: 'bas', production: 'production' } as const;
const environmentOfFranceConnect = { test: 'integration', production: 'production' } as const;

const checkPresence = (tree: Record<string, unknown>, { faults }: Findings): void => {
  if ((tree['viewer'] === undefined) !== (tree['signIn'] === undefined)) {
    const [missing, given] = tree['viewer'] === undefined ? ['Viewer', 'SignIn'] : ['SignIn', 'Viewer'];
    faults.push({ path: `DrimBox.${missing}`, problem: `is missing: ${given} goes with it` });
  }
  if (tree['viewer'] !== undefined && tree['wado'] === undefined) {
    faults.push({ path: 'DrimBox.Wado', problem: 'is missing: Viewer goes with it' });
  }
};

/** Nobody signs in to another environment than the one that is served. */
const checkEnvironments = ({ environment, signIn }: ReadSections, { faults, warnings }: Findings): void => {
  if (environment === undefined || signIn === undefined) return;
  if (signIn.proSanteConnect === undefined && signIn.franceConnect === undefined) {
    faults.push({ path: 'DrimBox.SignIn', problem: 'names no service: nobody could sign in' });
  }
  const services = [
    { name: 'ProSanteConnect', given: signIn.proSanteConnect?.environment, wanted: environmentOfPsc[environment] },
    {
      name: 'FranceConnect',
      given: signIn.franceConnect?.environment,
      wanted: environmentOfFranceConnect[environment],
    },
  ];
  for (const { name, given, wanted } of services) {
    const path = `DrimBox.SignIn.${name}.Environment`;
    if (given === undefined || given === wanted) continue;
    if (given !== 'custom') faults.push({ path, problem: `must be "${wanted}" when Environment is "${environment}"` });
    else if (environment === 'production') {
      warnings.push({ path, problem: 'INSECURE: people sign in at addresses of your own', hint: `use "${wanted}"` });
    }
  }
};

/** The names of the listener are those of its certificates; each has its client of FranceConnect+. */
const checkNames = ({ viewer, signIn }: ReadSections, { faults, warnings }: Findings): void => {
  const names = viewer?.certificates.map(({ name }) => name);
  const clients = signIn?.franceConnect?.clients;
  names?.forEach((name, index) => {
    const path = `DrimBox.Viewer.Certificates[${index}].Name`;
    if (names.indexOf(name) !== index) faults.push({ path, problem: `"${name}" has another certificate already` });
    if (clients !== undefined && !clients.some(({ hosts }) => hosts.includes(name))) {
      const problem = `"${name}" is in the Hosts of no client of FranceConnect: patients cannot sign in there`;
      warnings.push({ path, problem, hint: 'name it in SignIn.FranceConnect.Clients' });
    }
  });
  clients?.forEach(({ hosts }, index) => {
    for (const host of names === undefined ? [] : hosts.filter((one) => !names.includes(one))) {
      warnings.push({
        path: `DrimBox.SignIn.FranceConnect.Clients[${index}].Hosts`,
        problem: `"${host}" has no certificate in Viewer.Certificates: requests for it are refused`,
        hint: 'add its certificate, or take the name out',
      });
    }
  });
};

/** Patients are refused when a trait cannot be compared (decision E7). */
const checkTraits = ({ signIn }: ReadSections, { warnings }: Findings): void => {
  const franceConnect = signIn?.franceConnect;
  if (franceConnect === undefined) return;
  const lacking = lackingTraits(franceConnect.scope, franceConnect.claims);
  if (lacking.length === 0) return;
  const path = 'DrimBox.SignIn.FranceConnect.Scope';
  const others = lacking.filter((trait) => trait !== 'first given name');
  const problem =
    others.length > 0
      ? `does not ask for ${others.join(', ')}: every patient is refused`
      : 'does not ask for the given names one by one: patients with several of them are refused where the first cannot be told from the second';
  warnings.push({ path, problem, hint: 'add rnipp_identite_pivot, and have it granted by the Datapass' });
};

/** Everything about Viewer and SignIn that one section alone cannot tell. */
export const checkViewer = (options: ReadSections, tree: Record<string, unknown>, findings: Findings): void => {
  checkPresence(tree, findings);
  checkEnvironments(options, findings);
  checkNames(options, findings);
  checkTraits(options, findings);
};
