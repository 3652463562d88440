/**
 * The studies that the report is about.
 *
 * Every `id` of every `serviceEvent` that is an OID, without extension or with the extension `studyInstanceUID`, is a
 * study; a serviceEvent without such an id (a screening context, for instance) is not about images.
 *
 * @see decision B4 · CI-SIS IMG-CR-IMG 2024.01 · facts/cisis.md 2.2
 */
import { DrimboxError } from '../errors.ts';
import {
  type CodedConcept,
  type HealthOrganization,
  parseStudyInstanceUid,
  type StudyInstanceUid,
} from '../standards/index.ts';
import { type ActCodes, parseActCodes } from './act-codes.ts';
import { practiceSettingOf } from './care-setting.ts';
import {
  attribute,
  type CdaElement,
  children,
  descend,
  fieldInvalid,
  fieldMissing,
  first,
  isNull,
} from './cda-element.ts';
import { distinctConcepts } from './concepts.ts';
import { isUuid } from './identifiers.ts';
import { organizationOf } from './participants.ts';
import { isTimestamp } from './timestamps.ts';
import type { Warn } from './warnings.ts';

/** One study and what the report says was done. */
export interface ReportedStudy extends ActCodes {
  readonly studyInstanceUid: StudyInstanceUid;
  /** HL7 timestamp as sent, of any precision, with or without offset. */
  readonly start?: string;
  readonly stop?: string;
  readonly performer?: HealthOrganization;
  readonly practiceSetting?: CodedConcept;
}

/** Far beyond any report; keeps a hostile one from taking long. */
const maxServiceEvents = 500;

/**
 * @returns at least one, in document order, each once
 * @throws report/study-missing, report/field-invalid — a UID over 64 characters or malformed
 */
export const parseStudies = (document: CdaElement, warn: Warn): readonly ReportedStudy[] => {
  const studies = new Map<StudyInstanceUid, ReportedStudy>();
  const events = descend(document, 'documentationOf', 'serviceEvent');
  if (events.length > maxServiceEvents) throw fieldInvalid(`${document.path}/documentationOf`, 'too many');
  events.forEach((event, i) => {
    const uids = studyUidsOf(event, i + 1, warn);
    if (uids.size === 0) return;
    const content = contentOf(event, i + 1, warn);
    for (const studyInstanceUid of uids) {
      const earlier = studies.get(studyInstanceUid);
      if (earlier !== undefined) warn('study-repeated', i + 1);
      const study = { studyInstanceUid, ...content };
      studies.set(studyInstanceUid, earlier === undefined ? study : mergeStudies(earlier, study));
    }
  });
  if (studies.size === 0) {
    const location = `${document.path}/documentationOf/serviceEvent/id`;
    throw new DrimboxError('report/study-missing', { context: { location }, detail: location });
  }
  return [...studies.values()];
};

const studyUidsOf = (event: CdaElement, position: number, warn: Warn): ReadonlySet<StudyInstanceUid> =>
  new Set(children(event, 'id').flatMap((id) => studyUidOf(id, position, warn) ?? []));

const studyUidOf = (id: CdaElement, position: number, warn: Warn): StudyInstanceUid | undefined => {
  if (isNull(id)) return undefined;
  const root = attribute(id, 'root');
  const extension = attribute(id, 'extension');
  const isStudyId = extension === undefined || extension.toLowerCase() === 'studyinstanceuid';
  if (!isStudyId || (root === undefined && extension === undefined) || (root !== undefined && isUuid(root))) {
    warn('study-id-ignored', position);
    return undefined;
  }
  if (root === undefined) throw fieldMissing(`${id.path}/@root`);
  try {
    return parseStudyInstanceUid(root);
  } catch {
    throw fieldInvalid(`${id.path}/@root`, `not a StudyInstanceUID (${root.length} characters)`);
  }
};

const contentOf = (event: CdaElement, position: number, warn: Warn): Omit<ReportedStudy, 'studyInstanceUid'> => {
  const start = timeOf(event, 'low', position, warn);
  const stop = timeOf(event, 'high', position, warn);
  const organizations = descend(event, 'performer', 'assignedEntity', 'representedOrganization');
  const performing = organizations.find((organization) => organizationOf(organization) !== undefined);
  const performer = organizationOf(performing);
  const practiceSetting = practiceSettingOf(performing ?? organizations[0], warn);
  if (performer === undefined) warn('performer-missing', position);
  return {
    ...parseActCodes(first(event, 'code'), position, warn),
    ...(start === undefined ? {} : { start }),
    ...(stop === undefined ? {} : { stop }),
    ...(performer === undefined ? {} : { performer }),
    ...(practiceSetting === undefined ? {} : { practiceSetting }),
  };
};

/** Bound of the interval; a single point in time counts as its start. */
const timeOf = (event: CdaElement, bound: 'low' | 'high', position: number, warn: Warn): string | undefined => {
  const interval = first(event, 'effectiveTime');
  const at = interval === undefined ? undefined : (first(interval, bound) ?? (bound === 'low' ? interval : undefined));
  const value = at === undefined ? undefined : attribute(at, 'value');
  if (value === undefined || isTimestamp(value)) return value;
  warn('study-time-invalid', position);
  return undefined;
};

/** Several acts on one study: codes are united, the rest is the first act's where it says it. */
const mergeStudies = (earlier: ReportedStudy, later: ReportedStudy): ReportedStudy => ({
  ...later,
  ...earlier,
  modalities: distinctConcepts([...earlier.modalities, ...later.modalities]),
  regions: distinctConcepts([...earlier.regions, ...later.regions]),
});
