/** A digest in French, as a mail shows it. Pure. */
import type { NoticeKind } from '../archive/index.ts';
import type { Digest, DigestGroup, DigestSubject } from './digest.ts';

/** `21/11/2026 07:29`, in the zone of the site. */
export const formatSiteTime = (utcMs: number, timeZone: string): string => {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    ...({ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' } as const),
    hourCycle: 'h23',
  }).formatToParts(new Date(utcMs));
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('day')}/${part('month')}/${part('year')} ${part('hour')}:${part('minute')}`;
};

const countedAlerts = (count: number): string => `${count} alerte${count > 1 ? 's' : ''}`;

const titles: Readonly<Record<NoticeKind, string>> = { raised: 'ALERTE', reminder: 'RAPPEL', cleared: 'RÉSOLU' };

const subjectLine = (one: DigestSubject, timeZone: string): string => {
  const name = one.subject ?? '(sujet non transmis)';
  const times = one.occurrences > 1 ? `, ${one.occurrences} fois` : '';
  const end = one.clearedAtUtcMs === undefined ? '' : `, résolu le ${formatSiteTime(one.clearedAtUtcMs, timeZone)}`;
  return `  n° ${one.alertId}  ${name}  depuis le ${formatSiteTime(one.raisedAtUtcMs, timeZone)}${times}${end}`;
};

const groupText = (group: DigestGroup, timeZone: string): string => {
  const since = `depuis le ${formatSiteTime(group.sinceUtcMs, timeZone)}`;
  const others = group.count - group.subjects.length;
  return [
    `${titles[group.kind]} — ${group.text} (${group.code})`,
    `${countedAlerts(group.count)}, ${since}.`,
    ...(group.remedy === undefined ? [] : [`À faire : ${group.remedy}`]),
    ...group.subjects.map((one) => subjectLine(one, timeZone)),
    ...(others > 0 ? [`  et ${others} autre${others > 1 ? 's' : ''}.`] : []),
  ].join('\n');
};

/** The whole body, lines ended by LF. */
export const formatDigest = ({ site, atUtcMs, groups }: Digest): string => {
  const environment = site.environment === 'test' ? ' (environnement de test)' : '';
  return `${[
    `${site.software.name} ${site.software.version} — ${site.name}${environment}\nle ${formatSiteTime(atUtcMs, site.timeZone)} (${site.timeZone})`,
    ...groups.map((group) => groupText(group, site.timeZone)),
    'Sur le serveur DRIMbox : « drimbox alerts » montre le détail, « drimbox alerts --seen N » arrête les rappels d’une alerte,\n' +
      '« drimbox archive show UID » montre l’histoire d’un examen.\nMessage automatique : ne pas y répondre.',
  ].join('\n\n')}\n`;
};

const total = (groups: readonly DigestGroup[]): number => groups.reduce((sum, { count }) => sum + count, 0);

const causeText = (groups: readonly DigestGroup[]): string => {
  const [first] = groups;
  const others = groups.length - 1;
  return `${first?.text ?? ''}${others > 0 ? ` (et ${others} autre${others > 1 ? 's' : ''} cause${others > 1 ? 's' : ''})` : ''}`;
};

/** Subject of the mail: what is new counts before what is old, what is over comes last. */
export const digestSubjectLine = ({ site, groups }: Digest): string => {
  const kind = groups[0]?.kind ?? 'raised';
  const ofKind = groups.filter((group) => group.kind === kind);
  const what: Readonly<Record<NoticeKind, string>> = {
    raised: countedAlerts(total(ofKind)),
    reminder: `rappel, ${countedAlerts(total(ofKind))}`,
    cleared: `résolu, ${countedAlerts(total(ofKind))}`,
  };
  const test = site.environment === 'test' ? ' TEST' : '';
  return `[DRIMbox ${site.name}${test}] ${what[kind]} : ${causeText(ofKind)}`;
};
