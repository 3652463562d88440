import type { Hl7Message } from './hl7-message.ts';
import { refusal } from './refusal.ts';
import type { Segment } from './segment.ts';

/** What the sender wants done with a report. */
export const ReportAction = { initial: 'initial', replace: 'replace', delete: 'delete' } as const;
export type ReportAction = (typeof ReportAction)[keyof typeof ReportAction];

/** The three places that name the action. @see IG profils-messages, ORC · facts/cisis.md 1.4 */
const actionOfOrder: Readonly<Record<string, ReportAction>> = { NW: 'initial', RO: 'replace', CA: 'delete' };
const actionOfResult: Readonly<Record<string, ReportAction>> = { F: 'initial', C: 'replace', D: 'delete' };
const actionOfEvent: Readonly<Record<string, ReportAction>> = { T02: 'initial', T10: 'replace', T04: 'delete' };

const readAction = (
  segment: Segment,
  field: number,
  table: Readonly<Record<string, ReportAction>>,
): { readonly action: ReportAction; readonly location: string } => {
  const location = segment.location(field);
  const value = segment.value(field);
  const action = Object.hasOwn(table, value) ? table[value] : undefined;
  if (value === '') throw refusal('hl7/field-missing', location, `${segment.name}-${field} is empty`);
  if (action === undefined) {
    const expected = Object.keys(table).join(', ');
    throw refusal('hl7/value-unknown', location, `${segment.name}-${field} is none of ${expected}`);
  }
  return { action, location };
};

/**
 * Reads the action of a report: every ORC-1, OBX-11 of the document and, in MDM, the event must agree (decision B1).
 *
 * @param observation  the OBX of the document; OBX-11 of the other OBX says nothing
 * @throws hl7/field-missing, hl7/value-unknown, hl7/action-incoherent
 */
export const parseReportAction = (message: Hl7Message, observation: Segment): ReportAction => {
  const orders = message.all('ORC').map((order) => readAction(order, 1, actionOfOrder));
  const { action } = readAction(observation, 11, actionOfResult);
  const disagreeing = orders.find((order) => order.action !== action);
  if (disagreeing !== undefined) {
    throw refusal('hl7/action-incoherent', disagreeing.location, 'ORC-1 and OBX-11 do not agree');
  }
  if (message.type === 'MDM' && actionOfEvent[message.event] !== action) {
    throw refusal('hl7/action-incoherent', 'MSH^1^9', 'the event does not agree with ORC-1 and OBX-11');
  }
  return action;
};
