export * from './folder-lock.ts';
export * from './outage.ts';
export * from './store.ts';
