/** The audit as text, CSV or JSON, one line a row, in the time of the site and in UTC. CSV as that of the journal. */
import { AuditOutcome, type AuditLine } from '../audit/index.ts';
import { errorTable, isErrorCode } from '../errors.ts';
import { csvRow, JournalFormat, localTimeIn, oneLine } from './journal-format.ts';

const outcomeWords: Readonly<Record<AuditOutcome, string>> = {
  [AuditOutcome.underWay]: 'en cours',
  [AuditOutcome.served]: 'servi',
  [AuditOutcome.partial]: 'servi en partie',
  [AuditOutcome.refused]: 'refusé',
  [AuditOutcome.failed]: 'échec',
  [AuditOutcome.cancelled]: 'abandonné par le demandeur',
  [AuditOutcome.interrupted]: 'interrompu par l’arrêt du service',
};

/** A row of a later version is told by its own word. */
const outcomeOf = (line: AuditLine): string =>
  Object.hasOwn(outcomeWords, line.outcome) ? outcomeWords[line.outcome] : line.outcome;

const causeOf = (line: AuditLine): string =>
  line.reason !== undefined && isErrorCode(line.reason) ? errorTable[line.reason].publicText : '';

const syntaxesOf = (line: AuditLine): string =>
  Object.entries(line.syntaxes)
    .map(([uid, count]) => `${uid}=${count}`)
    .join(' ');

const textLine = (line: AuditLine, local: string): string => {
  const { reason } = line;
  const parts = [
    `${local} (${line.at})  ${line.transaction}${line.level === undefined ? '' : ` ${line.level}`} : ${outcomeOf(line)}`,
    line.httpStatus === undefined ? undefined : `[${line.httpStatus}]`,
    line.count === 1 ? undefined : `× ${line.count}`,
    reason === undefined ? undefined : `— ${causeOf(line)} [${reason}]`,
    line.professional === undefined ? undefined : `professionnel ${line.professional}`,
    line.subject === undefined ? undefined : `patient ${line.subject}`,
    line.peer === undefined ? undefined : `DRIMbox ${line.peer}`,
    line.address === undefined ? undefined : `depuis ${line.address}`,
    line.ins === undefined ? undefined : `INS ${line.ins}`,
    line.study === undefined ? undefined : `examen ${line.study}`,
    line.series === undefined ? undefined : `série ${line.series}`,
    line.instance === undefined ? undefined : `objet ${line.instance}`,
    line.objects === 0 ? undefined : `${line.objects} objets, ${line.bytes} octets (${syntaxesOf(line)})`,
    line.durationMs === undefined ? undefined : `${line.durationMs} ms`,
  ];
  return `${oneLine(parts.filter((part) => part !== undefined).join(' '))}\n`;
};

type Column = readonly [title: string, value: (line: AuditLine, local: string) => string | number | undefined];

const columns: readonly Column[] = [
  ['Numéro', (line) => line.id],
  ['Date et heure locales', (_, local) => local],
  ['Date et heure UTC', (line) => line.at],
  ['Fin UTC', (line) => line.finishedAt],
  ['Transaction', (line) => line.transaction],
  ['Niveau', (line) => line.level],
  ['Résultat', (line) => line.outcome],
  ['Libellé', (line) => outcomeOf(line)],
  ['Statut HTTP', (line) => line.httpStatus],
  ['Motif', (line) => line.reason],
  ['Cause', (line) => causeOf(line)],
  ['Nombre', (line) => line.count],
  ['Professionnel', (line) => line.professional],
  ['Patient (FranceConnect+)', (line) => line.subject],
  ['Logiciel (azp)', (line) => line.client],
  ['Certificat', (line) => line.peer],
  ['Liste blanche', (line) => line.peerEntry],
  ['Adresse', (line) => line.address],
  ['INS', (line) => line.ins],
  ['OID de l’INS', (line) => line.insOid],
  ['Examen', (line) => line.study],
  ['Série', (line) => line.series],
  ['Objet', (line) => line.instance],
  ['Manifeste', (line) => line.manifest],
  ['Accept', (line) => line.accept],
  ['Objets', (line) => line.objects],
  ['Octets', (line) => line.bytes],
  ['Syntaxes', (line) => syntaxesOf(line)],
  ['Premier octet (ms)', (line) => line.firstByteMs],
  ['Durée (ms)', (line) => line.durationMs],
  ['Corrélation', (line) => line.correlation],
  ['Identités effacées le', (line) => line.erasedAt],
];

/** What comes before, between and after the lines, and each line. */
export interface AuditWriter {
  readonly begin: string;
  line(line: AuditLine, isFirst: boolean): string;
  readonly end: string;
}

export const auditWriter = (format: JournalFormat, timeZone: string): AuditWriter => {
  const localTime = localTimeIn(timeZone);
  const localOf = (line: AuditLine): string => localTime(Date.parse(line.at));
  switch (format) {
    case JournalFormat.text:
      return { begin: '', line: (line) => textLine(line, localOf(line)), end: '' };
    case JournalFormat.csv:
      return {
        begin: `\uFEFF${csvRow(columns.map(([title]) => title))}`,
        line: (line) => csvRow(columns.map(([, value]) => String(value(line, localOf(line)) ?? ''))),
        end: '',
      };
    case JournalFormat.json:
      return {
        begin: '[',
        line: (line, isFirst) => `${isFirst ? '' : ','}\n${JSON.stringify({ localAt: localOf(line), ...line })}`,
        end: '\n]\n',
      };
  }
};
