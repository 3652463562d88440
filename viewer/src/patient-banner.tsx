/** Whose images these are: always in sight, so that nobody reads those of another person. */
import { formatDate, labelBirthPlace, sexLabels } from './french-format.ts';
import type { PatientTraits } from './description.ts';

const Trait = ({ label, value }: { readonly label: string; readonly value: string }) => (
  <div className="trait">
    <dt>{label}</dt>
    <dd>{value}</dd>
  </div>
);

export const PatientBanner = ({ patient }: { readonly patient: PatientTraits }) => (
  <section className="patient" aria-label="Identité du patient">
    <dl className="traits">
      <Trait label="Nom de naissance" value={patient.birthName} />
      <Trait label="Premier prénom" value={patient.firstGivenName} />
      <Trait label="Date de naissance" value={formatDate(patient.birthDate) || 'inconnue'} />
      <Trait label="Sexe" value={sexLabels[patient.sex]} />
      {patient.birthPlace !== undefined && (
        <Trait label={labelBirthPlace(patient.birthPlace)} value={patient.birthPlace} />
      )}
    </dl>
    {patient.further.length > 0 && (
      <details className="further">
        <summary>Autres traits</summary>
        <dl className="traits">
          {patient.further.map(({ label, value }) => (
            <Trait key={label} label={label} value={value} />
          ))}
        </dl>
      </details>
    )}
  </section>
);
