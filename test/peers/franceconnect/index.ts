export type { FranceConnectClientOrder } from './clients.ts';
export { type CivilPersona, type CivilPersonaKey, civilClaimsOf, civilPersonas } from './personas.ts';
export {
  type FranceConnectLogLine,
  type FranceConnectOrder,
  type FranceConnectStandIn,
  startFranceConnect,
} from './start-franceconnect.ts';
