/** Alerts of an administrator about one thing (the whitelist, Pro Santé Connect); `detail` holds no identity. */
import type { ErrorCode } from '../errors.ts';

export interface Alerts {
  raise(code: ErrorCode, detail: string): void;
  clear(code: ErrorCode): void;
}
