export type { Fault, FaultOrder } from './fault-orders.ts';
export type { PatientRecord } from './patient-directory.ts';
export type { RegistryEntry } from './registry.ts';
export type { LogLine } from './request-log.ts';
export { type DmpStandIn, type DmpStandInOptions, type StandInCa, startDmpStandIn } from './stand-in.ts';
export type { Transaction } from './transactions.ts';
