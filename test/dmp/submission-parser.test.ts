/** Metadata read back: what we build, and the forms of other software. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeSubmission, parseSubmission, type SubmissionMetadata } from '../../plugin/dmp/index.ts';
import { buildSubmitObjectsRequest } from '../../plugin/dmp/submission.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { sampleKos, sampleMetadata, submissionOptions } from '../fixtures/dmp/sample-metadata.ts';

const documents = { kos: sampleKos, signature: Buffer.from('<invented/>') };
const build = (changes: Partial<SubmissionMetadata> = {}): string =>
  buildSubmitObjectsRequest({ ...sampleMetadata, ...changes }, documents, submissionOptions);
const refused = expect.objectContaining({ code: 'dmp/metadata-invalid' });
const bothDocuments = (places: object = {}): Map<string, object> =>
  new Map([
    [sampleMetadata.documentUniqueId, places],
    [sampleMetadata.signatureUniqueId, {}],
  ]);

/** An envelope as the national proof of concept keeps one: header, request, `xop:Include`. */
const enveloped = (request: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><Secret/></s:Header>` +
  `<s:Body><x:ProvideAndRegisterDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007">${request}` +
  `<x:Document id="DocumentKOS"><i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:0.2"/></x:Document>` +
  `</x:ProvideAndRegisterDocumentSetRequest></s:Body></s:Envelope>`;

/** What XDS keeps of it: no used names, today's schemes, seconds, Struct_IdNat. */
const expected = (metadata: SubmissionMetadata): object => {
  const { birthFamilyName, firstBirthGivenName, birthDate, sex, birthPlace, ins, ipp } = metadata.patient;
  const { maskedFromProfessionals, invisibleToPatient, invisibleToRepresentatives } = metadata.visibility;
  const seconds = (ms: number): number => Math.floor(ms / 1000) * 1000;
  return {
    patient: {
      ins,
      ...(ipp?.issuerOid === undefined ? {} : { ipp }),
      ...{ birthFamilyName, firstBirthGivenName, birthDate, sex },
      ...(birthPlace === undefined ? {} : { birthPlace }),
    },
    author: {
      person: metadata.author.person,
      organization: {
        ...metadata.author.organization,
        id: metadata.author.organization.id.replace(/^([0-9]{9})$/, '1$1'),
      },
    },
    legalAuthenticator: metadata.legalAuthenticator,
    contentType: metadata.contentType,
    facilityType: metadata.facilityType,
    practiceSetting: metadata.practiceSetting,
    visibility: { maskedFromProfessionals, invisibleToPatient, invisibleToRepresentatives },
    modalities: metadata.modalities,
    regions: metadata.regions.map((region) => ({ ...region, codeSystem: '2.16.840.1.113883.6.96' })),
    studyInstanceUid: metadata.studyInstanceUid,
    order: metadata.order,
    serviceStartUtc: metadata.serviceStartUtc,
    serviceStopUtc: metadata.serviceStopUtc,
    submissionSetUniqueId: metadata.submissionSetUniqueId,
    sourceId: metadata.sourceId,
    documentUniqueId: metadata.documentUniqueId,
    documentCreatedAtUtcMs: seconds(metadata.documentCreatedAtUtcMs),
    submittedAtUtcMs: seconds(metadata.submittedAtUtcMs),
  };
};

describe('parseSubmission', () => {
  it('reads back what we build (A3, C5)', () => {
    const parsed = parseSubmission(build());
    expect(parsed).toMatchObject(expected(sampleMetadata));
    expect(parsed.confidentiality).toEqual({ code: 'N', codeSystem: '2.16.840.1.113883.5.25', displayName: 'Normal' });
    expect(parsed.kos).toEqual({
      uniqueId: sampleMetadata.documentUniqueId,
      hash: expect.stringMatching(/^[0-9a-f]{40}$/),
      size: sampleKos.length,
    });
    expect(parsed.signature?.uniqueId).toBe(sampleMetadata.signatureUniqueId);
  });

  it('reads the same in the SOAP envelope of a publication, as the proof of concept exports it (DB.SO.31)', () => {
    expect(parseSubmission(enveloped(build()))).toEqual(parseSubmission(build()));
  });

  it('reads back whatever can be built: separators in names, other codes, other flags', () => {
    const word = fc.stringMatching(/^[A-Za-zÀ-ÿ'^&~|\\<>"-]{1,20}$/).map((text) => text.normalize('NFC'));
    const identifier = fc.stringMatching(/^[A-Za-z0-9._-]{1,16}$/);
    const oid = fc.nat({ max: 9_999_999 }).map((arc) => `1.2.250.1.999999.7.${arc}`);
    const issued = fc.record({ value: identifier, issuerOid: oid });
    const concept = (codeSystem: string) =>
      fc.record({ code: fc.stringMatching(/^[0-9]{6,12}$/), codeSystem: fc.constant(codeSystem), displayName: word });
    const person = fc.record({ id: fc.stringMatching(/^8[0-9]{11}$/), familyName: word, givenName: word });
    const visibility = fc.record({
      maskedFromProfessionals: fc.boolean(),
      invisibleToPatient: fc.boolean(),
      invisibleToRepresentatives: fc.boolean(),
      secretConnection: fc.constant(false),
    });
    const changes = fc.record({
      patient: fc.record({ birthFamilyName: word, firstBirthGivenName: word, ipp: issued }).map((traits) => ({
        ...sampleMetadata.patient,
        ...traits,
      })),
      author: fc.record({ person, organization: fc.record({ id: fc.stringMatching(/^1[0-9]{9}$/), name: word }) }),
      legalAuthenticator: person,
      visibility,
      regions: fc.uniqueArray(concept('2.16.840.1.113883.6.96'), { maxLength: 3, selector: ({ code }) => code }),
      order: fc.record({ accessionNumber: issued, placerOrderNumber: issued }),
      documentUniqueId: oid,
      submittedAtUtcMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    });
    fc.assert(
      fc.property(changes, (given) => {
        const metadata = { ...sampleMetadata, ...given };
        const bare = (text: string): string => text.replace(/\s+/g, ' ').trim();
        fc.pre([given.patient.birthFamilyName, given.author.organization.name].every((name) => bare(name) === name));
        expect(parseSubmission(build(given))).toMatchObject(expected(metadata));
      }),
      { numRuns: 100 },
    );
  });

  it('takes the accession number and order of older samples, without an authority', () => {
    expect(parseSubmission(build({ order: {} })).order).toEqual({});
  });

  it('reads regions and modalities under the schemes of older samples', () => {
    const old = build()
      .replace('2.16.840.1.113883.6.96', '1.2.250.1.213.2.5')
      .replace('1.2.840.10008.2.16.4', '1.2.250.1.213.1.1.5.618');
    expect(parseSubmission(old)).toMatchObject({
      regions: [{ code: '69536005', codeSystem: '2.16.840.1.113883.6.96' }],
      modalities: [{ code: 'MR', codeSystem: '1.2.840.10008.2.16.4' }],
    });
  });

  it.each([
    ['an unknown code that may hide it from somebody', ['INVISIBLE_PATIENT', 'INVISIBLE_AUTRES']],
    ['two levels of confidentiality', ['1.2.250.1.213.1.1.4.13', '2.16.840.1.113883.5.25']],
    ['the set of another patient', ['199017512345657^^^', '199017512345658^^^']],
    ['no SHA-1', [/hash"><ValueList><Value>[0-9a-f]{40}/, 'hash"><ValueList><Value>abc']],
    ['a size that is no number', [/size"><ValueList><Value>[0-9]+/, 'size"><ValueList><Value>many']],
    ['a time that is none', ['20260110083000', '20261310083000']],
    ['no author', ['urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d', 'urn:uuid:00000000-0000-0000-0000-000000000000']],
    ['no study', ['urn:ihe:iti:xds:2016:studyInstanceUID', 'urn:ihe:iti:xds:2016:other']],
    ['two studies', ['urn:ihe:iti:xds:2013:accession', 'urn:ihe:iti:xds:2016:studyInstanceUID']],
    ['no manifest', ['application/dicom', 'application/pdf']],
    ['a document type', ['<lcm:', '<!DOCTYPE x [<!ENTITY e "1">]><lcm:']],
    ['an identifier that is no OID', ['"2.25.1003"', '"../2.25.1003"']],
    ['no request', ['lcm:SubmitObjectsRequest', 'lcm:RemoveObjectsRequest']],
  ] as const)('refuses %s', (_, [from, to]) => {
    const changed = typeof from === 'string' ? build().split(from).join(to) : build().replace(from, to);
    // Only the first place where it is the patient: the set.
    const text = String(from).startsWith('199017512345657') ? build().replace(from, to) : changed;
    expect(() => parseSubmission(text)).toThrow(refused);
  });

  it('refuses two submission sets, two requests, and more than its limit', () => {
    const list = /<RegistryPackage.*<\/RegistryPackage>/.exec(build())?.[0] ?? '';
    expect(() => parseSubmission(build().replace(list, list + list))).toThrow(refused);
    expect(() => parseSubmission(enveloped(build() + build()))).toThrow(refused);
    expect(() => parseSubmission(build(), { maxBytes: 1000 })).toThrow(refused);
  });

  it('throws nothing but its own error, whatever is cut or changed', () => {
    const whole = build();
    const act = (text: string): unknown => {
      try {
        return parseSubmission(text);
      } catch (error) {
        expect(error).toBeInstanceOf(DrimboxError);
        expect(error).toMatchObject({ code: 'dmp/metadata-invalid' });
        return undefined;
      }
    };
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(200), fc.string({ maxLength: 5 }), (at, length, put) => {
        act(whole.slice(0, at) + put + whole.slice(at + length));
      }),
      { numRuns: 150 },
    );
    for (const text of ['', '<', '<a/>', '\u0000', '{"a":1}']) expect(act(text)).toBeUndefined();
  });

  it('names no identity in what it says is wrong (A6)', () => {
    const text = build().replaceAll('EXEMPLE', 'SECRET').replace('20260110083000', 'x');
    expect(() => parseSubmission(text)).toThrow(expect.objectContaining({ detail: 'serviceStartTime is no time' }));
  });
});

describe('normalizeSubmission', () => {
  it('gives our own metadata back, byte for byte', () => {
    expect(normalizeSubmission(build(), bothDocuments())).toBe(build());
  });

  it('leaves the envelope, and the VIHF with it, behind', () => {
    expect(normalizeSubmission(enveloped(build()), bothDocuments())).toBe(build());
  });

  it('says where each document is, and takes it away again', () => {
    const entryUuid = 'urn:uuid:00000000-0000-4000-8000-000000000001';
    const placed = normalizeSubmission(build(), bothDocuments({ uri: 'SS000001/KOS_1_1.DCM', entryUuid }));
    expect(parseSubmission(placed).kos).toMatchObject({ uri: 'SS000001/KOS_1_1.DCM', entryUuid });
    expect(parseSubmission(placed).signature).not.toHaveProperty('uri');
    expect(normalizeSubmission(placed, bothDocuments({ uri: 'SS000002/KOS_1_1.DCM' }))).not.toContain('SS000001');
    expect(normalizeSubmission(placed, bothDocuments())).toBe(build());
  });

  it('keeps only the documents that are there, and what joins them', () => {
    const alone = normalizeSubmission(build(), new Map([[sampleMetadata.documentUniqueId, {}]]));
    expect(parseSubmission(alone)).not.toHaveProperty('signature');
    expect(alone.match(/<Association /g)).toHaveLength(1);
  });

  it('puts the children of other software in the order of the schema', () => {
    const slot = /<Slot name="urn:ihe:iti:xds:2013:referenceIdList">.*?<\/Slot>/.exec(build())?.[0] ?? '';
    const disordered = build().replace(slot, '').replace('</ExtrinsicObject>', `${slot}</ExtrinsicObject>`);
    const ordered = normalizeSubmission(disordered, bothDocuments());
    expect(ordered).toBe(build());
  });

  it('refuses what ebRIM does not have', () => {
    const foreign = build().replace('<Name>', '<Script xmlns="urn:other"/><Name>');
    expect(() => normalizeSubmission(foreign, bothDocuments())).toThrow(refused);
  });
});
