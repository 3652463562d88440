/** What the sections Wado and Trust must have in common with each other and with the environment (decision A1). */
import type { Findings, ReadSections } from './address-checks.ts';

const environmentOfPsc = { test: 'bas', production: 'production' } as const;

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

/** Images are given to those alone who are trusted: one section without the other is a mistake. */
export const checkTrust = (options: ReadSections, tree: Record<string, unknown>, findings: Findings): void => {
  const { faults, warnings } = findings;
  if ((tree['wado'] === undefined) !== (tree['trust'] === undefined)) {
    const [missing, given] = tree['wado'] === undefined ? ['Wado', 'Trust'] : ['Trust', 'Wado'];
    faults.push({ path: `DrimBox.${missing}`, problem: `is missing: ${given} goes with it` });
  }
  checkPsc(options, findings);
  if (options.trust?.whitelist.allowInsecureUrl === true) {
    warnings.push({
      path: 'DrimBox.Trust.Whitelist.AllowInsecureUrl',
      problem: 'INSECURE: the whitelist is fetched in clear; who is on the way may keep an old one in force',
    });
  }
};
