export { makeSigningKey, type SigningKey } from './access-tokens.ts';
export { exampleClients, type PscClientOrder } from './clients.ts';
export { startControlListener } from './control-listener.ts';
export type { FaultKind, FaultOrder, PscEndpointName } from './fault-orders.ts';
export { type Persona, personas, type PersonaKey, subjectOf } from './personas.ts';
export type { MintOptions } from './realm.ts';
export { type Psc, type PscLogLine, type PscOrder, startPsc } from './start-psc.ts';
export type { ForgeryOrder } from './token-forgery.ts';
