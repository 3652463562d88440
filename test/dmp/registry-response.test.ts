import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DrimboxError, errorTable } from '../../plugin/errors.ts';
import { codeOfRegistryErrors } from '../../plugin/dmp/registry-errors.ts';
import { readOutcome, type RegistryOutcome } from '../../plugin/dmp/registry-response.ts';
import { readEntryLookup } from '../../plugin/dmp/registry-stored-query.ts';
import { parseSoapAnswer } from '../../plugin/dmp/soap-answer.ts';
import {
  envelope,
  fault,
  type ListedErrors,
  multipart,
  queryResponse,
  registryResponse,
} from '../fixtures/dmp/answers.ts';

const messageId = 'urn:uuid:00000000-0000-4000-8000-00000000000a';
const http = (text: string | Uint8Array, httpStatus = 200, contentType = 'application/soap+xml; charset=UTF-8') => ({
  httpStatus,
  contentType,
  body: typeof text === 'string' ? Buffer.from(text, 'utf8') : text,
});
const outcomeOf = (
  answer: ReturnType<typeof http>,
  transaction: 'TD2.1' | 'TD3.3c' = 'TD2.1',
): RegistryOutcome | DrimboxError => {
  try {
    return readOutcome(parseSoapAnswer(answer, messageId), transaction, 'raw');
  } catch (error) {
    if (error instanceof DrimboxError) return error;
    throw error;
  }
};
/** `success`, `refused dmp/…` or `thrown dmp/… (retry class)`. */
const verdict = (answer: ReturnType<typeof http>, transaction: 'TD2.1' | 'TD3.3c' = 'TD2.1'): string => {
  const outcome = outcomeOf(answer, transaction);
  if (outcome instanceof DrimboxError) return `thrown ${outcome.code} (${outcome.retry})`;
  return outcome.kind === 'success' ? 'success' : `refused ${outcome.error.code}`;
};
const failure = (...errors: ListedErrors) => http(envelope(registryResponse('Failure', errors)));

describe('verdicts of the registry', () => {
  it('takes Success, plain or multipart, with warnings', () => {
    expect(verdict(http(envelope(registryResponse('Success'), messageId)))).toBe('success');
    const { contentType, body } = multipart(envelope(registryResponse('Success'), messageId));
    expect(verdict(http(body, 200, contentType))).toBe('success');
    const warned = outcomeOf(
      http(envelope(registryResponse('Success', [['XDSExtraMetadataNotSaved', 'x', 'Warning']]))),
    );
    expect(warned).toEqual({
      kind: 'success',
      answer: 'raw',
      warnings: [{ code: 'XDSExtraMetadataNotSaved', context: 'x' }],
    });
  });

  it.each([
    ['XDSDuplicateUniqueIdInRegistry', 'refused dmp/document-duplicate'],
    ['XDSDocumentUniqueIdError', 'refused dmp/document-duplicate'],
    ['XDSNonIdenticalHash', 'refused dmp/refused'],
    ['XDSUnknownPatientId', 'refused dmp/patient-unknown'],
    ['XDSPatientIdDoesNotMatch', 'refused dmp/refused'],
    ['DMPClosed', 'refused dmp/patient-closed'],
    ['DMPInvalidCertificate', 'refused dmp/certificate-refused'],
    ['UnresolvedReferenceException', 'refused dmp/document-unknown'],
    ['XDSRegistryNotAvailable', 'thrown dmp/unavailable (transient)'],
    ['XDSRepositoryBusy', 'thrown dmp/unavailable (transient)'],
    ['XDSRegistryOutOfResources', 'thrown dmp/unavailable (transient)'],
    ['XDSRegistryMetadataError', 'refused dmp/refused'],
    ['SomethingNobodyKnows', 'refused dmp/refused'],
    ['toString', 'refused dmp/refused'],
    ['urn:ihe:iti:2007:XDSUnknownPatientId', 'refused dmp/patient-unknown'],
  ])('%s: %s', (code, expected) => {
    expect(verdict(failure([code]))).toBe(expected);
  });

  it('means another thing by XDSDocumentUniqueIdError for a document to delete', () => {
    expect(verdict(failure(['XDSDocumentUniqueIdError']), 'TD3.3c')).toBe('refused dmp/document-unknown');
  });

  it.each([
    ['Aucun AuthorInstitution ne correspond à l&apos;utilisateur du VIHF', 'refused dmp/structure-refused'],
    ['Structure introuvable ou Inactive', 'refused dmp/structure-refused'],
    ['PS et Structure non liés', 'refused dmp/structure-refused'],
    ['Aucune spécialité dans le vihf', 'refused dmp/structure-refused'],
    ['Le DMP du patient est fermé', 'refused dmp/patient-closed'],
    ['Le DMP est inexistant', 'refused dmp/patient-unknown'],
  ])('reads the sentence %j of a general error', (context, expected) => {
    expect(verdict(failure(['XDSRepositoryError', context]))).toBe(expected);
  });

  it('says "duplicate" only when nothing else is wrong, since a duplicate may be taken for a success (decision C2)', () => {
    expect(verdict(failure(['XDSDuplicateUniqueIdInRegistry'], ['XDSPatientIdDoesNotMatch']))).toBe(
      'refused dmp/refused',
    );
    expect(verdict(failure(['XDSDuplicateUniqueIdInRegistry'], ['XDSUnknownPatientId']))).toBe(
      'refused dmp/patient-unknown',
    );
    expect(codeOfRegistryErrors(['dmp/document-duplicate', 'dmp/unavailable'])).toBe('dmp/unavailable');
  });

  it('takes a failure without a list for a refusal, and a partial success for what it is', () => {
    expect(verdict(failure())).toBe('refused dmp/refused');
    expect(verdict(http(envelope(registryResponse('PartialSuccess'))))).toBe('refused dmp/partial-success');
    const ihe = registryResponse('PartialSuccess').replace(
      'urn:oasis:names:tc:ebxml-regrep:Resp',
      'urn:ihe:iti:2007:Resp',
    );
    expect(verdict(http(envelope(ihe)))).toBe('refused dmp/partial-success');
  });

  it('does not believe a success that lists errors, nor an unknown status: the fate of the request is unknown', () => {
    expect(verdict(http(envelope(registryResponse('Success', [['XDSRegistryError']]))))).toBe(
      'thrown dmp/answer-invalid (ambiguous)',
    );
    expect(verdict(http(envelope(registryResponse('Perhaps'))))).toBe('thrown dmp/answer-invalid (ambiguous)');
  });

  it('does not take the answer to another message for ours (mixed-up connections)', () => {
    const other = envelope(registryResponse('Success'), 'urn:uuid:another');
    expect(verdict(http(other))).toBe('thrown dmp/answer-invalid (ambiguous)');
  });

  it('keeps what the DMP wrote for the archive, and only its codes in the error', () => {
    const outcome = outcomeOf(failure(['XDSUnknownPatientId', 'CAMILLE EXEMPLE inconnu']));
    expect(outcome).toMatchObject({
      registryErrors: [{ code: 'XDSUnknownPatientId', context: 'CAMILLE EXEMPLE inconnu' }],
      answer: 'raw',
    });
    const told = 'error' in outcome ? [outcome.error.message, outcome.error.detail, outcome.error.context] : [];
    expect(told).toHaveLength(3);
    expect(JSON.stringify(told)).not.toContain('EXEMPLE');
  });
});

describe('SOAP faults', () => {
  it.each([
    ['Sender', 'soap:DMPInvalidCertificate', 'Not a valid signature certificate', 'refused dmp/certificate-refused'],
    ['Sender', 'dmp:DMPClosed', 'x', 'refused dmp/patient-closed'],
    ['Sender', 'soap:DMPSomethingElse', 'x', 'refused dmp/fault'],
    ['Sender', undefined, 'PS et Structure non liés', 'refused dmp/structure-refused'],
    ['Sender', 'wsse:FailedCheck', 'x', 'refused dmp/certificate-refused'],
    ['MustUnderstand', undefined, 'x', 'refused dmp/fault'],
    ['Receiver', undefined, 'x', 'thrown dmp/server-error (ambiguous)'],
    ['Receiver', 'x:XDSRegistryNotAvailable', 'x', 'thrown dmp/unavailable (transient)'],
  ])('%s / %s / %s: %s', (code, subcode, reason, expected) => {
    expect(verdict(http(envelope(fault(code, subcode, reason)), 500))).toBe(expected);
  });

  it('reads a SOAP 1.1 fault too: an intermediate may speak it', () => {
    const old =
      '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>Not a valid signature certificate</faultstring></s:Fault></s:Body></s:Envelope>';
    expect(verdict(http(old, 500))).toBe('refused dmp/certificate-refused');
  });

  it('takes a fault for one even when it relates to no message we know', () => {
    expect(verdict(http(envelope(fault('Sender', undefined), 'urn:uuid:other'), 400))).toBe('refused dmp/fault');
  });
});

describe('HTTP answers without SOAP', () => {
  it.each([
    [503, 'thrown dmp/unavailable (transient)'],
    [429, 'thrown dmp/unavailable (transient)'],
    [408, 'thrown dmp/unavailable (transient)'],
    [500, 'thrown dmp/server-error (ambiguous)'],
    [502, 'thrown dmp/server-error (ambiguous)'],
    [504, 'thrown dmp/server-error (ambiguous)'],
    [401, 'thrown dmp/certificate-refused (permanent)'],
    [403, 'thrown dmp/certificate-refused (permanent)'],
    [404, 'thrown dmp/fault (permanent)'],
    [302, 'thrown dmp/fault (permanent)'],
    [200, 'thrown dmp/answer-invalid (ambiguous)'],
    [204, 'thrown dmp/answer-invalid (ambiguous)'],
  ])('%i: %s', (status, expected) => {
    expect(verdict(http('<html><body>EXEMPLE</body></html>', status, 'text/html'))).toBe(expected);
    expect(verdict(http('', status, ''))).toBe(expected);
  });

  it('believes a readable verdict whatever the HTTP status', () => {
    expect(verdict(http(envelope(registryResponse('Success')), 500))).toBe('success');
  });

  it('never throws an error that is not ours, and never finds a success in noise', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom(200, 202, 400, 500, 503), fc.string(), (bytes, status, type) => {
        expect(verdict(http(bytes, status, type))).toMatch(/^thrown dmp\//);
      }),
      { numRuns: 300 },
    );
  });

  it('never finds a success in a success cut at any byte', () => {
    const whole = envelope(registryResponse('Success'), messageId);
    for (let length = 0; length < whole.length; length += 1) {
      expect(verdict(http(whole.slice(0, length))), `cut at ${length}`).toBe('thrown dmp/answer-invalid (ambiguous)');
    }
  });
});

describe('answers to GetDocuments (TD3.1)', () => {
  const uuid = (last: string): string => `urn:uuid:00000000-0000-4000-8000-00000000000${last}`;
  const lookup = (body: string): string => {
    try {
      const found = readEntryLookup({ soap: parseSoapAnswer(http(envelope(body)), messageId), answer: 'raw' });
      return found.kind === 'found' ? found.entryUuid : found.kind;
    } catch (error) {
      return error instanceof DrimboxError ? error.code : 'not ours';
    }
  };

  it('finds one, none', () => {
    expect(lookup(queryResponse([uuid('1')]))).toBe(uuid('1'));
    expect(lookup(queryResponse([uuid('1'), uuid('1')]))).toBe(uuid('1'));
    expect(lookup(queryResponse([]))).toBe('absent');
  });

  it.each([
    ['several entries', queryResponse([uuid('1'), uuid('2')]), 'dmp/document-several'],
    ['an entry without UUID', queryResponse(['Document01']), 'dmp/answer-invalid'],
    ['no list', queryResponse([]).replace(/<RegistryObjectList[^>]*><\/RegistryObjectList>/, ''), 'dmp/answer-invalid'],
    ['a partial success', queryResponse([], 'PartialSuccess'), 'dmp/partial-success'],
    ['a failure', queryResponse([], 'Failure', [['XDSRegistryError']]), 'dmp/refused'],
    [
      'an unknown document told as an error',
      queryResponse([], 'Failure', [['XDSDocumentUniqueIdError']]),
      'dmp/document-unknown',
    ],
    ['a busy registry', queryResponse([], 'Failure', [['XDSRegistryBusy']]), 'dmp/unavailable'],
    ['the answer to another kind of request', registryResponse('Success'), 'dmp/answer-invalid'],
    ['a fault', fault('Sender', 'x:DMPClosed'), 'dmp/patient-closed'],
  ])('never says "absent" on %s: absence must be positive', (_, body, expected) => {
    expect(lookup(body)).toBe(expected);
  });
});

describe('the rows of the error table used here', () => {
  it('are ambiguous when the DMP may have the request, and only then', () => {
    const ambiguous = Object.entries(errorTable).filter(
      ([code, row]) => code.startsWith('dmp/') && row.retry === 'ambiguous',
    );
    expect(ambiguous.map(([code]) => code).sort()).toEqual([
      'dmp/answer-invalid',
      'dmp/connection-lost',
      'dmp/server-error',
      'dmp/timeout',
    ]);
  });
});
