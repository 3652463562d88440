import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildSubmission, type SubmissionMetadata } from '../../plugin/dmp/index.ts';
import { buildProvideAndRegister, withReplacement } from '../../plugin/dmp/provide-and-register.ts';
import { buildSubmitObjectsRequest } from '../../plugin/dmp/submission.ts';
import { buildDeletion, buildUpdateDocumentSet } from '../../plugin/dmp/update-document-set.ts';
import { buildGetDocuments } from '../../plugin/dmp/registry-stored-query.ts';
import { makeCertificates, type TestCertificates } from '../fixtures/dmp/certificates.ts';
import { sampleKos, sampleMetadata, submissionOptions } from '../fixtures/dmp/sample-metadata.ts';

/** Golden files are broken between elements, to be read by people. */
const readable = (xml: string): string => `${xml.replaceAll('><', '>\n<')}\n`;
const golden = (name: string): string => `../fixtures/dmp/${name}.xml`;
const documents = { kos: sampleKos, signature: Buffer.from('<invented/>') };
const build = (changes: Partial<SubmissionMetadata> = {}): string =>
  buildSubmitObjectsRequest({ ...sampleMetadata, ...changes }, documents, submissionOptions);
const entryUuid = 'urn:uuid:00000000-0000-4000-8000-000000000001';
const codesOf = (request: string, object: string): string[] =>
  [
    ...request.matchAll(
      /classificationScheme="urn:uuid:f4f85eac[^"]*" classifiedObject="(\w+)"[^>]*nodeRepresentation="(\w+)"/g,
    ),
  ]
    .filter((match) => match[1] === object)
    .map((match) => match[2] ?? '');

describe('SubmitObjectsRequest', () => {
  it('is the golden document', async () => {
    await expect(readable(build())).toMatchFileSnapshot(golden('submit-objects-request'));
  });

  it('has all slots first in an entry, referenceIdList among them (ebRIM order)', () => {
    const entry = /<ExtrinsicObject id="DocumentKOS".*?<\/ExtrinsicObject>/s.exec(build())?.[0] ?? '';
    const withoutClassifications = entry.replace(/<Classification .*<\/Classification>/s, '');
    expect(entry.indexOf('referenceIdList')).toBeLessThan(entry.indexOf('<Name>'));
    expect(withoutClassifications.match(/<Slot /g)?.length).toBe(10);
  });

  it('writes the hash (SHA-1) and the size of the bytes that are sent', () => {
    expect(build()).toContain(`<Value>${createHash('sha1').update(sampleKos).digest('hex')}</Value>`);
    expect(build()).toContain(`<Value>${sampleKos.byteLength}</Value>`);
  });

  it('hides the KOS from whom the report says and from nobody else', () => {
    const visible = {
      maskedFromProfessionals: false,
      invisibleToPatient: false,
      invisibleToRepresentatives: false,
      secretConnection: true,
    };
    expect(codesOf(build({ visibility: visible }), 'DocumentKOS')).toEqual(['N']);
    expect(codesOf(build({ visibility: { ...visible, maskedFromProfessionals: true } }), 'DocumentKOS')).toEqual([
      'N',
      'MASQUE_PS',
    ]);
    expect(codesOf(build(), 'DocumentKOS')).toEqual(['N', 'INVISIBLE_PATIENT', 'INVISIBLE_REPRESENTANTS_LEGAUX']);
  });

  it('always hides the signature document from professionals and patient', () => {
    expect(codesOf(build(), 'Signature01')).toEqual(['N', 'MASQUE_PS', 'INVISIBLE_PATIENT']);
  });

  it('carries one INS, the patient’s, in the set and in both entries', () => {
    const identifiers = [
      ...build().matchAll(/value="([^"]*)"><Name><LocalizedString charset="UTF8" value="XDS\w+\.patientId"/g),
    ];
    expect(identifiers.map((match) => match[1])).toEqual(
      Array(3).fill('199017512345657^^^&amp;1.2.250.1.213.1.4.10&amp;ISO^NH'),
    );
  });

  it('leaves out what is not known: stop time, orders', () => {
    const { serviceStopUtc: _, ...withoutStop } = sampleMetadata;
    const request = buildSubmitObjectsRequest({ ...withoutStop, order: {} }, documents, submissionOptions);
    const entry = /<ExtrinsicObject id="DocumentKOS".*?<\/ExtrinsicObject>/s.exec(request)?.[0] ?? '';
    expect(entry).not.toContain('serviceStopTime');
    expect(entry).not.toContain('urn:ihe:iti:xds:2013:order');
    expect(entry).toContain('urn:ihe:iti:xds:2016:studyInstanceUID');
  });

  it.each([
    ['documentUniqueId', 'standards/oid-invalid'],
    ['submissionSetUniqueId', 'standards/oid-invalid'],
    ['signatureUniqueId', 'standards/oid-invalid'],
    ['sourceId', 'standards/oid-invalid'],
  ])('refuses a %s that is not an OID: the DMP takes no other form', (key, code) => {
    expect(() => build({ [key]: '1.2^3' })).toThrow(expect.objectContaining({ code }));
  });

  it('refuses a code over 256 characters rather than cut it (ebRIM LongName)', () => {
    const region = { code: 'x'.repeat(257), codeSystem: '1.2', displayName: '' };
    expect(() => build({ regions: [region] })).toThrow(expect.objectContaining({ code: 'dmp/value-invalid' }));
  });
});

describe('a submission', () => {
  let certificates: TestCertificates;
  beforeAll(() => {
    certificates = makeCertificates();
  });
  afterAll(() => certificates.remove());

  it('has the same bytes when it is built twice (decision C2)', () => {
    const one = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
    const two = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
    expect(Buffer.from(one.signature).equals(two.signature)).toBe(true);
    expect(one.submitObjectsRequest).toBe(two.submitObjectsRequest);
    expect(one.kos).toBe(sampleKos);
  });

  it('hashes the very signature document it sends', () => {
    const { signature, submitObjectsRequest } = buildSubmission(
      sampleMetadata,
      sampleKos,
      certificates.signing,
      submissionOptions,
    );
    expect(submitObjectsRequest).toContain(`<Value>${createHash('sha1').update(signature).digest('hex')}</Value>`);
    expect(submitObjectsRequest).toContain(`<Value>${signature.byteLength}</Value>`);
  });

  it('names what it replaces only at send time, and changes nothing else', () => {
    const submission = buildSubmission(sampleMetadata, sampleKos, certificates.signing, submissionOptions);
    const added = `<Association associationType="urn:ihe:iti:2007:AssociationType:RPLC" id="Association04" sourceObject="DocumentKOS" targetObject="${entryUuid}"/>`;
    const sent = buildProvideAndRegister(submission, entryUuid, 'binary').body;
    expect(sent).toContain(added);
    expect(sent.replace(added, '')).toContain(submission.submitObjectsRequest);
    expect(buildProvideAndRegister(submission, undefined, 'binary').body).not.toContain('RPLC');
  });

  it.each(['2.25.1003', 'urn:uuid:', '', 'urn:uuid:00000000-0000-4000-8000-00000000000"'])(
    'refuses %j as an entry to replace',
    (id) => {
      expect(() => withReplacement(build(), id)).toThrow(expect.objectContaining({ code: 'dmp/value-invalid' }));
    },
  );
});

describe('the other requests', () => {
  it('TD3.3c is the golden document', async () => {
    const deletion = buildDeletion({ ...sampleMetadata, ins: sampleMetadata.patient.ins });
    await expect(readable(buildUpdateDocumentSet(deletion, entryUuid).body)).toMatchFileSnapshot(
      golden('update-document-set'),
    );
  });

  it('TD3.1 is the golden document: GetDocuments by uniqueId, ObjectRef, nothing of the patient (decision C7)', async () => {
    await expect(readable(buildGetDocuments('2.25.1003').body)).toMatchFileSnapshot(golden('get-documents'));
  });

  it('TD3.1 refuses an identifier that could break out of the quotes', () => {
    expect(() => buildGetDocuments("1.2') or ('1")).toThrow(expect.objectContaining({ code: 'standards/oid-invalid' }));
  });
});
