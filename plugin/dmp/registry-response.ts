/**
 * The verdict of the registry: accepted, refused and why.
 *
 * @see ebXML RegRep 3.0 rs.xsd · IHE ITI TF-3 4.2.4 (success and error reporting)
 */
import type { Element } from '@xmldom/xmldom';
import { DrimboxError, errorTable } from '../errors.ts';
import { namespaces } from './ebrim.ts';
import { codeOfFault, codeOfRegistryError, codeOfRegistryErrors, type Transaction } from './registry-errors.ts';
import type { SoapAnswer } from './soap-answer.ts';
import { childNamed, childrenNamed } from './xml-document.ts';

/** As the DMP wrote it; `context` may quote an identity: for the archive, not for a log. */
export interface RegistryError {
  readonly code: string;
  readonly context: string;
}

/** A verdict. `answer` is the raw answer, for the archive. What is not a verdict is thrown (transient or ambiguous). */
export type RegistryOutcome =
  | { readonly kind: 'success'; readonly answer: string; readonly warnings: readonly RegistryError[] }
  | {
      readonly kind: 'refused';
      /**
       * Always permanent. `dmp/document-duplicate` may be our own document (decision C2) and after
       * `dmp/partial-success` the DMP may hold one of the two documents: ask by uniqueId before concluding.
       */
      readonly error: DrimboxError;
      readonly answer: string;
      readonly registryErrors: readonly RegistryError[];
    };

const statuses = {
  'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success': 'success',
  'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Failure': 'failure',
  'urn:ihe:iti:2007:ResponseStatusType:PartialSuccess': 'partial',
  'urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:PartialSuccess': 'partial',
} as const;

export interface RegistryResponse {
  readonly status: 'success' | 'failure' | 'partial';
  readonly errors: readonly RegistryError[];
  readonly warnings: readonly RegistryError[];
}

const invalid = (detail: string): DrimboxError => new DrimboxError('dmp/answer-invalid', { detail });

/**
 * @param response  an rs:RegistryResponse, or an element of that type (query:AdhocQueryResponse)
 * @throws dmp/answer-invalid — no known status, or a success that lists errors
 */
export const readRegistryResponse = (response: Element): RegistryResponse => {
  const text = response.getAttribute('status') ?? '';
  const status = Object.hasOwn(statuses, text) ? statuses[text as keyof typeof statuses] : undefined;
  if (status === undefined) throw invalid('unknown status of a registry response');
  const list = childNamed(response, namespaces.rs, 'RegistryErrorList');
  const all = list === undefined ? [] : childrenNamed(list, namespaces.rs, 'RegistryError');
  const isWarning = (error: Element): boolean => (error.getAttribute('severity') ?? '').endsWith(':Warning');
  const read = (error: Element): RegistryError => ({
    code: error.getAttribute('errorCode') ?? '',
    context: error.getAttribute('codeContext') ?? '',
  });
  const errors = all.filter((error) => !isWarning(error)).map(read);
  if (status === 'success' && errors.length > 0) throw invalid('a success that lists errors');
  return { status, errors, warnings: all.filter(isWarning).map(read) };
};

/** Codes only: a context may quote an identity. */
const listedCodes = (errors: readonly RegistryError[]): string =>
  errors.map((error) => error.code.replace(/[^A-Za-z0-9:#/._-]/g, '').slice(0, 80)).join(', ');

/** @throws when the error is not a verdict: the request may be sent again, or its fate must be asked */
const refused = (error: DrimboxError, answer: string, registryErrors: readonly RegistryError[]): RegistryOutcome => {
  if (errorTable[error.code].retry !== 'permanent') throw error;
  return { kind: 'refused', error, answer, registryErrors };
};

export const refuseFault = (
  fault: Extract<SoapAnswer, { kind: 'fault' }>,
  transaction: Transaction,
  answer: string,
): RegistryOutcome => {
  const code = codeOfFault(fault.codes, fault.reason, transaction);
  const codes = listedCodes(fault.codes.map((name) => ({ code: name, context: '' })));
  return refused(new DrimboxError(code, { detail: `SOAP fault ${codes}` }), answer, [
    { code: fault.codes.at(-1) ?? '', context: fault.reason },
  ]);
};

/**
 * The verdict on a submission or a deletion.
 *
 * @throws dmp/answer-invalid (ambiguous), dmp/unavailable (transient), dmp/server-error (ambiguous)
 */
export const readOutcome = (soap: SoapAnswer, transaction: Transaction, answer: string): RegistryOutcome => {
  if (soap.kind === 'fault') return refuseFault(soap, transaction, answer);
  if (soap.body.namespaceURI !== namespaces.rs || soap.body.localName !== 'RegistryResponse') {
    throw invalid('not a registry response');
  }
  const response = readRegistryResponse(soap.body);
  switch (response.status) {
    case 'success':
      return { kind: 'success', answer, warnings: response.warnings };
    case 'partial':
      return refused(
        new DrimboxError('dmp/partial-success', { detail: listedCodes(response.errors) }),
        answer,
        response.errors,
      );
    case 'failure': {
      const codes = response.errors.map((error) => codeOfRegistryError(error.code, error.context, transaction));
      const error = new DrimboxError(codeOfRegistryErrors(codes), { detail: listedCodes(response.errors) });
      return refused(error, answer, response.errors);
    }
  }
};
