/** What the doctor asks from outside. A port that is absent makes its checks `skipped`: never `ok`. */
import type { ErrorCode } from '../errors.ts';
import type { TrustLooks } from './trust-facts.ts';
import type { ViewerLooks } from './viewer-facts.ts';

export interface ConfigurationFacts {
  /** English, as the configuration room writes them. */
  readonly faults: readonly { readonly path: string; readonly problem: string; readonly hint?: string }[];
  readonly warnings: readonly { readonly path: string; readonly problem: string; readonly hint?: string }[];
  readonly files: readonly string[];
}

export interface CertificateFacts {
  readonly structureName: string;
  readonly use: 'authentication' | 'signature' | 'server';
  readonly notBeforeUtcMs: number;
  readonly notAfterUtcMs: number;
}

export interface DmpReachability {
  readonly structureId: string;
  readonly httpStatus: number;
  /** Our clock minus the Date header of the DMP, in milliseconds; absent when it sent none. */
  readonly clockDifferenceMs?: number;
}

/** A way by which alerts are sent. */
export interface AlertChannelPort {
  readonly name: 'email' | 'webhook';
  /** Sends nothing. @throws notification/* */
  checkReachable(): Promise<void>;
}

/** A comparison of every archived study with the PACS. */
export interface SweepFacts {
  readonly startedAtUtcMs: number;
  /** Absent while it is under way. */
  readonly finishedAtUtcMs?: number;
  readonly compared: number;
  readonly total: number;
  /** Why it waits. */
  readonly pausedBy?: ErrorCode;
}

/** Every method may throw a DrimboxError. */
export interface DoctorPorts {
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Loads the configuration again; does not throw for faults. */
  readonly configuration?: () => Promise<ConfigurationFacts>;
  readonly orthanc?: {
    system(): Promise<{ readonly version: string; readonly name: string }>;
    /** Identifiers of the plugins that Orthanc has loaded (`GET /plugins`). */
    listPlugins?(): Promise<readonly string[]>;
    /** When the hook last spoke to the service; undefined: never since it started. */
    lastHookContactAtUtcMs?(): Promise<number | undefined>;
  };
  /** Only where Orthanc’s PostgreSQL index is read. */
  readonly index?: {
    /** Reads something small. */
    checkReadable(): Promise<void>;
    /** Tables in which our role could write; empty for a role that only reads. */
    listWritableTables(): Promise<readonly string[]>;
  };
  readonly database?: { readonly kind: 'embedded' | 'postgres'; checkAlive(): Promise<void> };
  readonly folder?: { readonly path: string; checkWritable(): Promise<void> };
  readonly certificates?: () => Promise<readonly CertificateFacts[]>;
  /** One answer per structure. */
  readonly dmp?: { checkReachable(): Promise<readonly DmpReachability[]> };
  /** Those by whom other DRIMboxes are known; `not-configured` where images are given to nobody. */
  readonly trust?: TrustLooks | 'not-configured';
  /** Of the viewer behind the report's link; `not-configured` where there is none. */
  readonly viewer?: ViewerLooks | 'not-configured';
  /** The configured ones; may be none. */
  readonly alertChannels?: () => readonly AlertChannelPort[];
  readonly archive?: {
    /** Studies that are held, by reason. */
    countHolds(): Promise<readonly { readonly code: ErrorCode; readonly count: number }[]>;
    /** Alerts that are not cleared, by code. */
    countOpenAlerts(): Promise<readonly { readonly code: ErrorCode; readonly count: number }[]>;
    /** Orders that are not settled. */
    describeQueue(): Promise<{ readonly waiting: number; readonly oldestSinceUtcMs?: number }>;
    /** The sweep under way, else the latest one; undefined: there was none yet. */
    describeSweep(): Promise<SweepFacts | undefined>;
  };
}
