/**
 * One request from its bytes to its answer: SOAP, VIHF, rights, schema, rules, registry, in that order; the first of them that
 * refuses answers.
 */
import type { X509Certificate } from 'node:crypto';
import { isClientCertificate, structureOf, type TrustStore } from './certificate-chain.ts';
import { buildExistenceAnswer, checkExistenceTest } from './existence-test.ts';
import type { FaultOrders } from './fault-orders.ts';
import { type Finding, Findings, faultCodes, registryCodes } from './findings.ts';
import type { PatientDirectory } from './patient-directory.ts';
import { checkPatientRecord, checkRegistrable, registerSubmission } from './provide-and-register.ts';
import type { DocumentRegistry } from './registry.ts';
import type { SchemaCheck } from './schema-check.ts';
import {
  type AnswerStamp,
  buildAnswer,
  buildFault,
  buildPlainAnswer,
  buildQueryResponse,
  buildRegistryResponse,
  type HttpAnswer,
  type RegistryError,
} from './soap-answer.ts';
import { type HttpRequest, readSoapRequest, type SoapMessage } from './soap-request.ts';
import { checkStoredQuery, findEntryUuids } from './stored-query.ts';
import { checkSubmission } from './submission-check.ts';
import type { Transaction } from './transactions.ts';
import { checkUpdate } from './update-document-set.ts';
import type { Vihf } from './vihf.ts';
import { checkVihf } from './vihf-check.ts';

export interface ServiceOptions {
  readonly trust: TrustStore;
  readonly registry: DocumentRegistry;
  readonly patients: PatientDirectory;
  readonly schema: SchemaCheck;
  readonly faults: FaultOrders;
  readonly clock: () => number;
  readonly newUuid: () => string;
  readonly maxSkewMs: number;
  readonly strictForm: boolean;
  readonly relatedStructures: Readonly<Record<string, readonly string[]>>;
}

/** What became of a request, for the wire and for the log. */
export interface ServiceOutcome {
  readonly answer: HttpAnswer;
  readonly transaction: Transaction | undefined;
  readonly messageId: string;
  readonly findings: Findings;
  readonly isAccepted: boolean;
  readonly vihf?: Vihf;
  /** The ordered failure it met, of those decided here. */
  readonly fault?: string;
}

const checkClient = (certificate: X509Certificate | undefined, findings: Findings): void => {
  if (certificate === undefined || !isClientCertificate(certificate)) {
    findings.fault('tls/not-auth-cli', faultCodes.invalidCertificate, 'Not a valid authentication certificate');
  } else if (structureOf(certificate) === '') {
    findings.fault('tls/no-structure', faultCodes.invalidCertificate, 'Certificate without OU: not a structure');
  }
};

const registryErrors = (findings: readonly Finding[]): RegistryError[] =>
  findings.flatMap(({ refusal }) => (refusal.kind === 'registry' ? [refusal] : []));

const buildFailure = (transaction: Transaction, errors: readonly RegistryError[], stamp: AnswerStamp): HttpAnswer => {
  const content =
    transaction === 'storedQuery'
      ? buildQueryResponse('Failure', [], errors)
      : buildRegistryResponse('Failure', errors);
  return buildAnswer(transaction, content, stamp);
};

/** HTTP before Fault before RegistryResponse. */
const buildRefusal = (findings: Findings, transaction: Transaction | undefined, stamp: AnswerStamp): HttpAnswer => {
  const refusals = findings.refused.map(({ refusal }) => refusal);
  const http = refusals.find((refusal) => refusal.kind === 'http');
  if (http !== undefined) return buildPlainAnswer(http.status, http.text);
  const fault = refusals.find((refusal) => refusal.kind === 'fault');
  if (fault !== undefined || transaction === undefined) {
    return buildFault(fault?.subcode ?? faultCodes.invalidRequest, fault?.reason ?? '', stamp);
  }
  return buildFailure(transaction, registryErrors(findings.refused), stamp);
};

export class DmpService {
  readonly #options: ServiceOptions;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  #provideAndRegister(message: SoapMessage, vihf: Vihf, findings: Findings): string {
    const { registry, patients, trust, strictForm, maxSkewMs, faults } = this.#options;
    const nowMs = this.#options.clock();
    const submission = checkSubmission(
      message.content,
      message.parts,
      vihf,
      { trust, strictForm, maxSkewMs, nowMs },
      findings,
    );
    this.#validate(message, findings);
    if (submission === undefined || !findings.isClean) return '';
    checkRegistrable(submission, vihf, registry, patients, findings);
    if (!findings.isClean) return '';
    const stamp = { newUuid: this.#options.newUuid, nowMs };
    if (faults.take(['partial-success'], message.transaction) === undefined) {
      registerSubmission(submission, vihf, registry, stamp);
      return buildRegistryResponse('Success');
    }
    registerSubmission(submission, vihf, registry, stamp, ['kos']);
    const lost = {
      errorCode: registryCodes.repository,
      codeContext: `${submission.signature.object.id}: ordered partial success`,
    };
    return buildRegistryResponse('PartialSuccess', [lost]);
  }

  #storedQuery(message: SoapMessage, vihf: Vihf, findings: Findings): string {
    const uniqueIds = checkStoredQuery(message.content, findings);
    this.#validate(message, findings);
    if (!findings.isClean) return '';
    return buildQueryResponse('Success', findEntryUuids(uniqueIds, vihf, this.#options.registry, findings));
  }

  #updateDocumentSet(message: SoapMessage, vihf: Vihf, findings: Findings): string {
    const { registry, patients, clock, strictForm, maxSkewMs } = this.#options;
    const deletion = checkUpdate(message.content, vihf, registry, { strictForm, maxSkewMs, nowMs: clock() }, findings);
    this.#validate(message, findings);
    checkPatientRecord(vihf, patients, findings);
    if (deletion === undefined || !findings.isClean) return '';
    registry.setStatus(deletion.submissionSetUniqueId, deletion.entryUuid, 'Deleted');
    return buildRegistryResponse('Success');
  }

  #existenceTest(message: SoapMessage, vihf: Vihf, findings: Findings): string {
    const question = checkExistenceTest(message.content, vihf, findings);
    this.#validate(message, findings);
    if (question === undefined || !findings.isClean) return '';
    return buildExistenceAnswer(question, this.#options.patients, {
      uuid: this.#options.newUuid(),
      nowMs: this.#options.clock(),
    });
  }

  #validate(message: SoapMessage, findings: Findings): void {
    const violation = this.#options.schema.validate(message.transaction, message.content, message.parts);
    if (violation === undefined) return;
    if (!this.#options.strictForm) findings.tolerate('schema/invalid', violation);
    else if (message.transaction === 'existenceTest')
      findings.fault('schema/invalid', faultCodes.invalidRequest, violation);
    else findings.registry('schema/invalid', registryCodes.repositoryMetadata, `XSD: ${violation}`);
  }

  #perform(message: SoapMessage, vihf: Vihf, findings: Findings): string {
    switch (message.transaction) {
      case 'provideAndRegister':
        return this.#provideAndRegister(message, vihf, findings);
      case 'storedQuery':
        return this.#storedQuery(message, vihf, findings);
      case 'updateDocumentSet':
        return this.#updateDocumentSet(message, vihf, findings);
      case 'existenceTest':
        return this.#existenceTest(message, vihf, findings);
    }
  }

  /** An ordered refusal, instead of the checks. */
  #orderedRefusal(transaction: Transaction, stamp: AnswerStamp): { answer: HttpAnswer; fault: string } | undefined {
    const fault = this.#options.faults.take(['http', 'registry-error', 'soap-fault'], transaction);
    switch (fault?.kind) {
      case undefined:
        return undefined;
      case 'http':
        return { answer: buildPlainAnswer(fault.status, 'ordered'), fault: fault.kind };
      case 'soap-fault':
        return { answer: buildFault(fault.subcode, fault.reason, stamp), fault: fault.kind };
      case 'registry-error':
        return { answer: buildFailure(transaction, [fault], stamp), fault: fault.kind };
    }
  }

  #handle(
    message: SoapMessage,
    client: X509Certificate | undefined,
    findings: Findings,
    stamp: AnswerStamp,
  ): { answer: HttpAnswer; vihf?: Vihf } {
    const { trust, maxSkewMs, relatedStructures } = this.#options;
    const context = { trust, maxSkewMs, relatedStructures, nowMs: this.#options.clock(), clientCertificate: client };
    const vihf = checkVihf(message.xml.root, message.header, context, findings);
    const content = vihf === undefined || !findings.isClean ? '' : this.#perform(message, vihf, findings);
    const answer = findings.isClean
      ? buildAnswer(message.transaction, content, stamp)
      : buildRefusal(findings, message.transaction, stamp);
    return { answer, ...(vihf === undefined ? {} : { vihf }) };
  }

  /** Never throws for what a client sends. */
  answer(request: HttpRequest, client: X509Certificate | undefined): ServiceOutcome {
    const findings = new Findings();
    checkClient(client, findings);
    const message = readSoapRequest(request, findings);
    const transaction = message?.transaction;
    const messageId = message?.messageId ?? '';
    const stamp = { uuid: this.#options.newUuid(), relatesTo: messageId };
    const outcome = { transaction, messageId, findings };
    if (message === undefined || transaction === undefined) {
      return { ...outcome, answer: buildRefusal(findings, transaction, stamp), isAccepted: false };
    }
    try {
      const ordered = this.#orderedRefusal(transaction, stamp);
      if (ordered !== undefined) return { ...outcome, ...ordered, isAccepted: false };
      const handled = this.#handle(message, client, findings, stamp);
      return { ...outcome, ...handled, isAccepted: findings.isClean };
    } finally {
      message.xml.dispose();
    }
  }
}
