export * from './alerts.ts';
export * from './journal.ts';
export * from './markers.ts';
export * from './messages.ts';
export * from './reports.ts';
export * from './studies.ts';
export * from './submissions.ts';
export * from './views.ts';
