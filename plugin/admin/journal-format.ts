/**
 * The journal as text, CSV or JSON, one line per thing that happened, in the time of the site and in UTC.
 *
 * CSV is for a spreadsheet of a French office: UTF-8 with its mark, `;` between cells, and no cell that it would take for a
 * formula (a message control id is chosen by another machine).
 */
import type { JournalLine } from '../archive/index.ts';

export const JournalFormat = { text: 'text', csv: 'csv', json: 'json' } as const;
export type JournalFormat = (typeof JournalFormat)[keyof typeof JournalFormat];

/** Local time with its offset: `2026-03-12T11:00:00+01:00`. */
export const localTimeIn = (timeZone: string): ((utcMs: number) => string) => {
  const zone = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  return (utcMs) => {
    const parts = new Map(zone.formatToParts(utcMs).map(({ type, value }) => [type, value]));
    const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
    const offset = of('timeZoneName').replace('GMT', '') || '+00:00';
    return `${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}:${of('second')}${offset}`;
  };
};

const detailOf = (line: JournalLine): string =>
  Object.entries(line.detail ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');

/** A control character would break the line or the terminal. */
export const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');

const textLine = (line: JournalLine, local: string): string => {
  const about = [
    line.study === undefined ? undefined : `examen ${line.study}`,
    line.message === undefined ? undefined : `message ${line.message}`,
    line.structure === undefined ? undefined : `structure ${line.structure}`,
    line.detail === undefined ? undefined : `(${detailOf(line)})`,
  ].filter((part) => part !== undefined);
  const cause = line.cause === undefined ? '' : ` — ${line.cause} [${line.error ?? ''}]`;
  const remedy = line.remedy === undefined ? '' : ` → ${line.remedy}`;
  return `${oneLine(`${local} (${line.at})  ${line.text}${cause}  ${about.join(' ')}`).trimEnd()}${remedy}\n`;
};

const cell = (text: string): string => {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${oneLine(harmless).replaceAll('"', '""')}"`;
};

const csvHeader = [
  'Date et heure locales',
  'Date et heure UTC',
  'Événement',
  'Libellé',
  'Examen',
  'Message',
  'Structure',
  'Erreur',
  'Cause',
  'Que faire',
  'Détail',
];

export const csvRow = (cells: readonly string[]): string => `${cells.map(cell).join(';')}\r\n`;

const csvLine = (line: JournalLine, local: string): string =>
  csvRow([
    local,
    line.at,
    line.event,
    line.text,
    line.study ?? '',
    line.message ?? '',
    line.structure ?? '',
    line.error ?? '',
    line.cause ?? '',
    line.remedy ?? '',
    detailOf(line),
  ]);

/** What comes before, between and after the lines, and each line. */
export interface JournalWriter {
  readonly begin: string;
  line(line: JournalLine, isFirst: boolean): string;
  readonly end: string;
}

export const journalWriter = (format: JournalFormat, timeZone: string): JournalWriter => {
  const localTime = localTimeIn(timeZone);
  const localOf = (line: JournalLine): string => localTime(Date.parse(line.at));
  switch (format) {
    case 'text':
      return { begin: '', line: (line) => textLine(line, localOf(line)), end: '' };
    case 'csv':
      return { begin: `\uFEFF${csvRow(csvHeader)}`, line: (line) => csvLine(line, localOf(line)), end: '' };
    case 'json':
      return {
        begin: '[',
        line: (line, isFirst) => `${isFirst ? '' : ','}\n${JSON.stringify({ localAt: localOf(line), ...line })}`,
        end: '\n]\n',
      };
  }
};
