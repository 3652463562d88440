export { type AuditAnswer, writeAudit } from './audit-command.ts';
export type { StoreFigures } from './archive-commands.ts';
export {
  checkOptions,
  instantOptionOf,
  numberOptionOf,
  optionOf,
  type Report,
  subjectsOf,
  usage,
} from './command-words.ts';
export { askSidecar, controlSocketOf, type RunCommand, startControl } from './control.ts';
export { helpText } from './help-text.ts';
export { type JournalAnswer, journalFormatOf, writeJournal } from './journal-command.ts';
export { JournalFormat, journalWriter } from './journal-format.ts';
export { progressPrinter } from './progress-line.ts';
export { createRestExtension, type RestExtension, type RestExtensionPorts } from './rest-extension.ts';
export { resyncCommand, type ResyncPorts, type ResyncProgress, type ResyncView } from './resync-command.ts';
export type { StoreCommand, StoreCommandPorts } from './store-command.ts';
export { isStoreCommand, runStoreCommand, storeCommandNames, withAbsolutePaths } from './store-commands.ts';
export { type MeasuredPacsSpeed, pacsSpeed, type PacsSpeedCommandPorts } from './pacs-speed-command.ts';
export { keepPacsSpeed } from './pacs-speeds-command.ts';
export { whitelistVerify } from './whitelist-command.ts';
export { type ArchiveSite, archiveSiteOf } from './xdm-site.ts';
