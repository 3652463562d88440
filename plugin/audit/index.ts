export { type Audit, type AuditHandle, type AuditPorts, createAudit } from './audit.ts';
export { type AuditEntry, AuditOutcome, type AuditResult, AuditTransaction } from './audit-entry.ts';
export { type AuditFilter, type AuditLine, type AuditPage, loadAuditPage } from './audit-page.ts';
export type { AuditStore } from './commit-queue.ts';
export { auditOptions, type AuditOptions } from './options.ts';
export type { FloodLimits } from './refusal-flood.ts';
