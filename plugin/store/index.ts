export * from './folder-lock.ts';
export * from './migrations.ts';
export * from './outage.ts';
export * from './store.ts';
