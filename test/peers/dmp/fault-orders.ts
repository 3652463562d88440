/** Failures that a test orders from the stand-in, and which request meets which. */
import type { Transaction } from './transactions.ts';

/** `down` refuses connections; `lost-answer`, `garbage-answer`, `partial-success` happen after acceptance, the others before. */
export type Fault =
  | { readonly kind: 'down' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'lost-answer' }
  | { readonly kind: 'reset-mid-body' }
  | { readonly kind: 'http'; readonly status: number }
  | { readonly kind: 'registry-error'; readonly errorCode: string; readonly codeContext: string }
  | { readonly kind: 'soap-fault'; readonly subcode: string; readonly reason: string }
  | { readonly kind: 'garbage-answer' }
  | { readonly kind: 'partial-success' };

export interface FaultOrder {
  readonly fault: Fault;
  /** How many requests meet it [until cleared]; `down` ignores it. */
  readonly times?: number;
  /** Only requests of this transaction [all]. `reset-mid-body` acts before the transaction is known: it meets all. */
  readonly transaction?: Transaction;
}

export class FaultOrders {
  #orders: { readonly order: FaultOrder; left: number }[] = [];

  add(order: FaultOrder): void {
    this.#orders.push({ order, left: order.times ?? Number.POSITIVE_INFINITY });
  }

  clear(): void {
    this.#orders = [];
  }

  get pending(): readonly FaultOrder[] {
    return this.#orders.map(({ order }) => order);
  }

  /** The first order of one of these kinds that this request meets; its count goes down. */
  take<Kind extends Fault['kind']>(
    kinds: readonly Kind[],
    transaction: Transaction | undefined,
  ): Extract<Fault, { kind: Kind }> | undefined {
    const found = this.#orders.find(
      ({ order }) =>
        kinds.some((kind) => kind === order.fault.kind) &&
        (order.transaction === undefined || transaction === undefined || order.transaction === transaction),
    );
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#orders = this.#orders.filter((each) => each !== found);
    return found.order.fault as Extract<Fault, { kind: Kind }>;
  }
}

const faultKinds: readonly string[] = [
  ...[
    'down',
    'slow',
    'lost-answer',
    'reset-mid-body',
    'http',
    'registry-error',
    'soap-fault',
    'garbage-answer',
    'partial-success',
  ],
];

/** What the control port receives. @throws Error when it is no order */
export const parseFaultOrder = (json: string): FaultOrder => {
  const order = JSON.parse(json) as Partial<FaultOrder> | null;
  const fault = order?.fault;
  if (fault === undefined || !faultKinds.includes(fault.kind))
    throw new Error(`fault.kind must be one of ${faultKinds.join(', ')}`);
  return { ...order, fault };
};
