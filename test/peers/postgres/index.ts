export * from './free-port.ts';
export * from './start-postgres.ts';
export * from './tethered-process.ts';
