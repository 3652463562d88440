/** What the sections Wado and Trust must have in common with each other and with the environment (decision A1). */
import type { Findings, ReadSections } from './address-checks.ts';

const environmentOfPsc = { test: 'bas', production: 'production' } as const;
const environmentOfFranceConnect = { test: 'integration', production: 'production' } as const;

const checkPsc = ({ environment, trust }: ReadSections, { faults, warnings }: Findings): void => {
  if (environment === undefined || trust === undefined) return;
  const { psc } = trust;
  const path = 'DrimBox.Trust.Psc.Environment';
  const wanted = environmentOfPsc[environment];
  if (psc.environment === 'custom') {
    if (environment === 'production') {
      warnings.push({ path, problem: 'INSECURE: Pro Santé Connect at addresses of your own', hint: `use "${wanted}"` });
    }
  } else if (psc.environment !== wanted) {
    faults.push({ path, problem: `must be "${wanted}" when Environment is "${environment}"` });
  }
  if (psc.allowInsecureMissingKeys) {
    warnings.push({
      path: 'DrimBox.Trust.Psc.AllowInsecureMissingKeys',
      problem: 'INSECURE: tokens are accepted without looking at their signature while the keys cannot be fetched',
    });
  }
};

/** Nobody signs in to another environment than the one that is served. */
const checkViewer = (
  { environment, signIn }: ReadSections,
  tree: Record<string, unknown>,
  { faults, warnings }: Findings,
): void => {
  if ((tree['viewer'] === undefined) !== (tree['signIn'] === undefined)) {
    const [missing, given] = tree['viewer'] === undefined ? ['Viewer', 'SignIn'] : ['SignIn', 'Viewer'];
    faults.push({ path: `DrimBox.${missing}`, problem: `is missing: ${given} goes with it` });
  }
  if (tree['viewer'] !== undefined && tree['wado'] === undefined) {
    faults.push({ path: 'DrimBox.Wado', problem: 'is missing: Viewer goes with it' });
  }
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

/** Images are given to those alone who are trusted: one section without the other is a mistake. */
export const checkTrust = (options: ReadSections, tree: Record<string, unknown>, findings: Findings): void => {
  const { faults, warnings } = findings;
  if ((tree['wado'] === undefined) !== (tree['trust'] === undefined)) {
    const [missing, given] = tree['wado'] === undefined ? ['Wado', 'Trust'] : ['Trust', 'Wado'];
    faults.push({ path: `DrimBox.${missing}`, problem: `is missing: ${given} goes with it` });
  }
  checkViewer(options, tree, findings);
  checkPsc(options, findings);
  if (options.trust?.whitelist.allowInsecureUrl === true) {
    warnings.push({
      path: 'DrimBox.Trust.Whitelist.AllowInsecureUrl',
      problem: 'INSECURE: the whitelist is fetched in clear; who is on the way may keep an old one in force',
    });
  }
};
