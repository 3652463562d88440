/** Failures that a test orders; what is not ordered works. */

export const pscEndpointNames = ['discovery', 'keys', 'introspection', 'userinfo', 'token', 'other'] as const;
export type PscEndpointName = (typeof pscEndpointNames)[number];

export const faultKinds = [
  /** Nobody listens: of the whole server. */
  'down',
  /** Answers late by `delayMs`. */
  'slow',
  /** `status` [500] without OAuth's JSON. */
  'error',
  /** Introspection: every token is inactive. */
  'inactive',
  /** Introspection: another `iss`. */
  'other-issuer',
  /** Introspection and userinfo: another `sub`. */
  'other-subject',
  /** 200 and a page of HTML, like a captive proxy. */
  'nonsense',
  /** 200 and JSON of other types. */
  'nonsense-json',
  /** 200 and megabytes. */
  'huge',
  /** The connection is cut in the middle of the answer. */
  'cut',
  /** 302 to elsewhere. */
  'redirect',
  /** 401 `invalid_client`. */
  'refuse-client',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface FaultOrder {
  readonly kind: Exclude<FaultKind, 'down'>;
  /** All when absent. */
  readonly endpoints?: readonly PscEndpointName[];
  readonly delayMs?: number;
  readonly status?: number;
  /** Fields that replace those of the introspection, with `nonsense-json`. */
  readonly body?: unknown;
}

export class FaultOrders {
  #order: FaultOrder | undefined;

  set(order: FaultOrder | undefined): void {
    this.#order = order;
  }

  at(endpoint: PscEndpointName): FaultOrder | undefined {
    const order = this.#order;
    return order === undefined || (order.endpoints !== undefined && !order.endpoints.includes(endpoint))
      ? undefined
      : order;
  }
}
