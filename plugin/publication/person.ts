/**
 * In whose name, and for which structure, a submission is made (decision A3): both from the legal authenticator of the
 * report, else both from the sender (PRT "SB") of the message; the order is a choice per RIS.
 */
import type { TransmissionHeader } from '../archive/index.ts';
import type { ImagingReport } from '../report/index.ts';
import type { HealthOrganization, HealthProfessional } from '../standards/index.ts';

export type ResolvedPerson =
  | {
      readonly kind: 'resolved';
      readonly person: HealthProfessional;
      readonly organization: HealthOrganization;
      readonly source: 'cda' | 'prt';
    }
  | { readonly kind: 'unresolved' };

const fromReport = (report: ImagingReport): ResolvedPerson => {
  const { person, organization } = report.legalAuthenticator ?? {};
  if (person === undefined || organization === undefined) return { kind: 'unresolved' };
  return { kind: 'resolved', person, organization, source: 'cda' };
};

/** The message gives no profession: where the report names the same person, it is taken from there. */
const fromMessage = (report: ImagingReport, transmission: TransmissionHeader): ResolvedPerson => {
  const { sendingPerson, sendingOrganization } = transmission;
  if (sendingPerson === undefined || sendingOrganization === undefined) return { kind: 'unresolved' };
  const named = [report.legalAuthenticator, ...report.authors].find(
    (participant) => participant?.person?.id === sendingPerson.id,
  );
  const specialty = sendingPerson.specialty ?? named?.person?.specialty;
  return {
    kind: 'resolved',
    person: { ...sendingPerson, ...(specialty === undefined ? {} : { specialty }) },
    organization: { id: sendingOrganization.id, name: sendingOrganization.name },
    source: 'prt',
  };
};

export const resolvePerson = (
  report: ImagingReport,
  transmission: TransmissionHeader,
  first: 'cda' | 'prt',
): ResolvedPerson => {
  const cda = fromReport(report);
  const prt = fromMessage(report, transmission);
  const [preferred, other] = first === 'cda' ? [cda, prt] : [prt, cda];
  return preferred.kind === 'resolved' ? preferred : other;
};
