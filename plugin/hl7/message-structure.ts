import type { Hl7Message } from './hl7-message.ts';
import { refusal } from './refusal.ts';

/** A segment of the structure. Segments not named here (SFT, NTE, TQ1, PRT, Z…) may stand anywhere. */
interface StructurePlace {
  readonly name: string;
  readonly isRequired: boolean;
  readonly isRepeatable: boolean;
}

const one = (name: string): StructurePlace => ({ name, isRequired: true, isRepeatable: false });
const optional = (name: string): StructurePlace => ({ name, isRequired: false, isRepeatable: false });
const several = (name: string): StructurePlace => ({ name, isRequired: true, isRepeatable: true });

/**
 * MSH-9.1 → order of the segments that matter. OMI is only a hint (decision D4): of it we want what names the study.
 *
 * @see IG profils-messages, structures · facts/cisis.md 1.2, 1.8
 */
const structures: Readonly<Record<string, readonly StructurePlace[]>> = {
  ORU: [one('MSH'), one('PID'), optional('PV1'), several('ORC'), several('OBR'), several('OBX')],
  MDM: [one('MSH'), one('EVN'), one('PID'), one('PV1'), several('ORC'), several('OBR'), one('TXA'), several('OBX')],
  OMI: [one('MSH'), optional('PID'), optional('PV1'), several('ORC'), several('IPC')],
};

/**
 * Checks that the segments of the structure are there, once where the structure says once, and begin in its order.
 *
 * @param message  of a type `checkHeader` accepts
 * @throws hl7/segment-missing at the segment (`PID` when absent, `PID^2` when there are two, `PV1^1` when misplaced)
 */
export const checkStructure = (message: Hl7Message): void => {
  let last = -1;
  for (const { name, isRequired, isRepeatable } of structures[message.type] ?? []) {
    const [found, second] = message.all(name);
    if (found === undefined) {
      if (isRequired) throw refusal('hl7/segment-missing', name, `no ${name} segment`);
      continue;
    }
    if (second !== undefined && !isRepeatable) throw refusal('hl7/segment-missing', `${name}^2`, `several ${name}`);
    if (found.position < last) throw refusal('hl7/segment-missing', `${name}^1`, `${name} is out of order`);
    last = found.position;
  }
};
