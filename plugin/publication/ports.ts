/** What the source needs from outside: everything here is given by `main.ts`. */
import type { DmpClient, DmpOptions, KeptExchange } from '../dmp/index.ts';
import type { Emit } from '../events.ts';
import type { Hl7Options } from '../hl7/index.ts';
import type { OrthancClient, StudyIndex } from '../orthanc/index.ts';
import type { Store } from '../store/index.ts';
import type { PublicationOptions } from './options.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What every manifest and submission says of the site and of this software. */
export interface SiteDescription {
  readonly environment: 'test' | 'production';
  /** IANA zone of the site. */
  readonly timeZone: string;
  readonly retrieveUrlBase: string;
  readonly software: {
    readonly name: string;
    readonly manufacturer: string;
    readonly version: string;
  };
  readonly implementationClassUid: string;
}

/** What went over the wire while a piece of work ran: answers that ended in an error are archived too. */
export interface ExchangeRecorder {
  run<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The latest exchange of the work that is running. */
  last(): KeptExchange | undefined;
}

export interface PublicationPorts {
  readonly store: Store;
  readonly index: StudyIndex;
  readonly orthanc: Pick<
    OrthancClient,
    'readObjectIdentity' | 'readKeyObject' | 'findStudies' | 'findControlStudy' | 'databaseIdentity'
  >;
  readonly dmp: DmpClient;
  readonly dmpSettings: Pick<DmpOptions, 'secretConnection' | 'signature' | 'sourceId' | 'studyUidAuthority'>;
  readonly exchanges: ExchangeRecorder;
  readonly site: SiteDescription;
  readonly manifests: { readonly writeNonStandardEvidence: boolean };
  readonly senders: Hl7Options;
  readonly options: PublicationOptions;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** A fresh UID under the configured root, at most 64 characters. */
  readonly newUid: () => string;
  /** Name of this process among those that share the store. */
  readonly owner: string;
  readonly log: Log;
  /** Told after the commit, for logs and metrics. */
  readonly emit: Emit;
}
