/**
 * What the entry needs from others: sessions, sign-in, grants, the images themselves. The entry joins them; it knows nothing
 * of how they are made.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServedManifest } from '../archive/index.ts';
import type { ErrorCode } from '../errors.ts';
import type { InsIdentifier } from '../standards/index.ts';
import type { AccessDecision, GrantCheck, GrantedStudy, OpenedStudy, Viewer } from './access-decision.ts';
import type { ReportLink } from './report-link.ts';

/** What a browser tells of itself. */
export interface Browser {
  /** Header `Cookie`, as received. */
  readonly cookies?: string;
  /** Lower case, without port: one of ours. */
  readonly host: string;
  /** `https://host[:port]`, as the browser knows us. */
  readonly origin: string;
  readonly address: string;
  /** Of this request, in log, audit and on refusal pages. */
  readonly correlationId: string;
}

/** Where a form comes from, as its headers say. */
export interface FormSource {
  readonly fetchSite?: string;
  readonly origin?: string;
}

/** Against forged forms. */
export interface FormTokens {
  /** A token for the forms of the next page, and the cookie it is bound to where the browser has none yet. */
  issue(browser: Browser): Promise<{ readonly token: string; readonly setCookies: readonly string[] }>;
  /** True for a form of our own pages, in this browser. */
  isGenuine(browser: Browser, source: FormSource, token: string): Promise<boolean>;
}

/** Somebody who is signed in. */
export interface OpenSession<Traits> {
  readonly id: string;
  readonly viewer: Viewer<Traits>;
  /** As the screens show it. */
  readonly name: string;
  /** When it ends if nothing more is done, and when in any case; milliseconds since 1970 UTC. */
  readonly idleEndsAtUtcMs: number;
  readonly endsAtUtcMs: number;
  /** Of a professional who has to choose; none: nothing to choose, or chosen. */
  readonly situationsToChoose: readonly { readonly key: string; readonly label: string }[];
}

export interface Sessions<Traits> {
  /** undefined: nobody is signed in, or no longer. */
  load(browser: Browser): Promise<OpenSession<Traits> | undefined>;
  /** @returns undefined when the key is none of those offered */
  chooseSituation(session: OpenSession<Traits>, key: string): Promise<OpenSession<Traits> | undefined>;
  /** @param session  whose grant it becomes. @returns the opaque value that stands in addresses */
  grant(session: OpenSession<Traits>, opening: LinkOpening): Promise<string>;
  /**
   * The grant of that value, of this browser's own session; undefined otherwise.
   *
   * @param use  `looked-at`: nobody does anything, and the session is not prolonged
   */
  loadGrant(browser: Browser, value: string, use?: 'used' | 'looked-at'): Promise<OpenGrant<Traits> | undefined>;
  /** Ends the session here and, where there is an address, at the identity provider. */
  end(browser: Browser): Promise<{ readonly setCookies: readonly string[]; readonly departure?: SignInDeparture }>;
}

/** What a link opened. */
export interface LinkOpening {
  /** That of the link, then the report's others. */
  readonly studies: readonly [OpenedStudy, ...OpenedStudy[]];
  /** The link, as one text. */
  readonly link: string;
  /** What is shown first, where the link names one. */
  readonly seriesInstanceUid?: string;
}

export interface OpenGrant<Traits> extends LinkOpening {
  readonly session: OpenSession<Traits>;
}

export const SignInService = { psc: 'psc', franceConnect: 'franceconnect' } as const;
export type SignInService = (typeof SignInService)[keyof typeof SignInService];

export interface SignInDeparture {
  readonly url: string;
  readonly service: SignInService;
}

export type SignInStart =
  | { readonly kind: 'departure'; readonly url: string; readonly setCookies: readonly string[] }
  | { readonly kind: 'refused'; readonly code: ErrorCode };

export type SignInEnd<Traits> =
  | {
      readonly kind: 'signed-in';
      readonly session: OpenSession<Traits>;
      /** As it was given at the start. */
      readonly link: string;
      readonly setCookies: readonly string[];
      /** For the next form: bound to the new cookie, which this browser sends from the next request on. */
      readonly token: string;
    }
  | { readonly kind: 'refused'; readonly code: ErrorCode };

export interface SignIns<Traits> {
  /** @param link  kept on the server until the browser comes back */
  begin(service: SignInService, browser: Browser, link: string): Promise<SignInStart>;
  finish(service: SignInService, browser: Browser, currentUrl: URL): Promise<SignInEnd<Traits>>;
  /** Back-channel logout of Pro Santé Connect; the body is a form with `logout_token`. @returns the HTTP status */
  endFromService(body: string): Promise<200 | 400 | 503>;
  /** Our public encryption keys for FranceConnect+. */
  publicKeys(): Promise<object>;
}

/** A link that opens nothing, for the audit and the statistics (b.14 #29–31). */
export interface EntryRecord<Traits> {
  readonly browser: Browser;
  readonly session: OpenSession<Traits>;
  readonly link: ReportLink;
  readonly outcome: 'refused' | 'failed';
  readonly reason: ErrorCode;
  /** Which traits differ, by name, where the reason is the identity. */
  readonly mismatches?: readonly string[];
  readonly ins?: InsIdentifier;
}

/** A link that is about to open studies. */
export interface EntryOpening<Traits> extends Pick<EntryRecord<Traits>, 'browser' | 'session' | 'link'> {
  readonly studies: readonly [GrantedStudy, ...GrantedStudy[]];
}

/** @param failure  why nothing was opened after all; absent: it is open */
export type TellOpened = (failure?: ErrorCode) => Promise<void>;

/** One open study: all that the images' side needs. */
export interface Examination<Traits> {
  readonly session: OpenSession<Traits>;
  readonly manifest: ServedManifest;
  readonly kosSopInstanceUid: string;
  readonly browser: Browser;
  /** Path under which all that the link opened stands: `/examen/{grant}`. */
  readonly basePath: string;
  /** Its place among them, from 1: `?examen=2`. */
  readonly number: number;
  /** Asked again while something long leaves: the session lives and the study is still open to this person. */
  readonly isStillOpen: () => Promise<boolean>;
}

/** All that a link opens to this person now. */
export interface OpenedLink<Traits> extends Pick<Examination<Traits>, 'session' | 'browser' | 'basePath'> {
  readonly examinations: readonly [Examination<Traits>, ...Examination<Traits>[]];
  /** Path and query of the link. */
  readonly linkPath: string;
  readonly seriesInstanceUid?: string;
}

/** @returns after the answer has left; may throw an error of the table before it began */
export type Answer<Open> = (open: Open, request: IncomingMessage, response: ServerResponse) => Promise<void>;
export type AnswerExamination<Traits> = Answer<Examination<Traits>>;
export type AnswerLink<Traits> = Answer<OpenedLink<Traits>>;

export interface ExaminationAnswers<Traits> {
  /** The shell page. */
  readonly shell: AnswerLink<Traits>;
  readonly description: AnswerLink<Traits>;
  /** What an open page asks each minute: whether the session lives, and what is still open. */
  readonly state: AnswerLink<Traits>;
  /** Gets `request.url` from the end of `…/dicomweb` on. */
  readonly dicomWeb: AnswerExamination<Traits>;
  /** Gets `request.url` from the end of `…/apercu` on. */
  readonly preview: AnswerExamination<Traits>;
  readonly archive: AnswerExamination<Traits>;
}

export interface EntryPorts<Traits> {
  readonly sessions: Sessions<Traits>;
  readonly signIns: SignIns<Traits>;
  readonly formTokens: FormTokens;
  readonly decide: (link: ReportLink, viewer: Viewer<Traits>) => Promise<AccessDecision>;
  readonly checkGrant: (study: OpenedStudy, viewer: Viewer<Traits>) => Promise<GrantCheck>;
  /** A link that was refused, or failed. @throws audit/unavailable */
  readonly record: (record: EntryRecord<Traits>) => Promise<void>;
  /** Written before anything is opened, study by study: without a trace, nothing is. @throws audit/unavailable */
  readonly beginOpening: (opening: EntryOpening<Traits>) => Promise<TellOpened>;
  readonly examination: ExaminationAnswers<Traits>;
  readonly log: { warn(fields: object, message: string): void };
  readonly newCorrelationId: () => string;
  /** Milliseconds, never backwards. */
  readonly monotonic: () => number;
  readonly wait: (ms: number) => Promise<void>;
}
