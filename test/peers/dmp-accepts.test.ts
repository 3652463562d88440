import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  buildSubmissionRequest,
  deleteEntry,
  getDocuments,
  submit,
  testExistence,
} from './dmp-client/dmp-test-client.ts';
import { buildVihf, signVihf } from './dmp-client/vihf-builder.ts';
import { inObject, openTestSetting, replacing, structureOf, type TestSetting } from './dmp-client/test-setting.ts';

let setting: TestSetting;
beforeAll(async () => {
  setting = await openTestSetting();
}, 60_000);
afterAll(() => setting.close());

const success = 'status="urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success"';
const entryOf = (uniqueId: string) => setting.standIn.entries().find((entry) => entry.uniqueId === uniqueId);

describe('DMP stand-in: what it accepts', () => {
  it('takes a correct submission, answers Success in multipart/related and keeps the exact bytes of the KOS', async () => {
    const facts = setting.newFacts();
    const request = buildSubmissionRequest(facts, setting.target);
    const answer = await submit(facts, setting.target);
    expect(answer.status).toBe(200);
    expect(answer.contentType).toMatch(/^multipart\/related; type="application\/xop\+xml"/);
    expect(answer.text).toContain(success);
    expect(setting.lastLine()).toMatchObject({ outcome: 'accepted', rules: [], tolerated: [] });
    const entry = entryOf(facts.kosUniqueId);
    expect(entry).toMatchObject({
      status: 'Approved',
      kind: 'kos',
      studyInstanceUid: facts.studyInstanceUid,
      structureId: '1990000001',
      patient: { ins: facts.patient.ins, oid: facts.patient.oid },
    });
    expect(entry?.codes.confidentiality).toEqual(['N^2.16.840.1.113883.5.25']);
    expect(
      createHash('sha1')
        .update(setting.standIn.documentOf(entry?.entryUuid ?? ''))
        .digest('hex'),
    ).toBe(entry?.hash);
    expect(setting.standIn.documentOf(entry?.entryUuid ?? '').equals(request.kos)).toBe(true);
  });

  it('keeps bytes that look like line ends or boundaries: a KOS is binary', async () => {
    const facts = setting.newFacts();
    const trap = Buffer.from('\r\n--MIMEBoundary_Exempl\r\n\n\r--MIMEBoundary_Exemple');
    const pad = trap.length % 2 === 0 ? Buffer.alloc(0) : Buffer.from(' ');
    const value = Buffer.concat([trap, pad]);
    // A private element after the content tree
    const header = Buffer.from([0x41, 0x00, 0x10, 0x10, 0x4c, 0x54, value.length & 0xff, value.length >> 8]);
    const answer = await submit(facts, setting.target, { kosBytes: (kos) => Buffer.concat([kos, header, value]) });
    expect(answer.text).toContain(success);
    expect(setting.standIn.documentOf(entryOf(facts.kosUniqueId)?.entryUuid ?? '').includes(trap)).toBe(true);
  });

  it.each([
    ['rsa-sha256', { vihfHash: 'sha256' as const }],
    ['VIHF_Version 4.0', { vihfBefore: replacing('>3.0<', '>4.0<') }],
    [
      'the other spelling of Authentification_mode',
      { vihfBefore: replacing('Authentification_Mode', 'Authentification_mode') },
    ],
    ['Issuer with blanks after commas, as the publication sample', { vihfBefore: replacing(',OU=', ', OU=') }],
    ['a speciality where none is wanted', { vihfBefore: replacing('code="10"', 'code="60"') }],
    [
      'AUTOMATE as the only role',
      {
        vihfBefore: replacing(
          /<saml2:AttributeValue><Role[^]*<\/saml2:AttributeValue><\/saml2:Attribute><\/saml2:AttributeStatement>/,
          '<saml2:AttributeValue><Role xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CE" code="AUTOMATE" codeSystem="1.2.250.1.213.1.1.4.6"/></saml2:AttributeValue></saml2:Attribute></saml2:AttributeStatement>',
        ),
      },
    ],
    [
      'a study reference without authority',
      { content: replacing('^^^&amp;1.2.3.4.5.6&amp;ISO^urn:ihe:iti:xds:2016', '^^^^urn:ihe:iti:xds:2016') },
    ],
    [
      'visibility flags',
      {
        content: replacing(
          '<Classification classificationScheme="urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d" classifiedObject="DocumentKOS"',
          '<Classification classificationScheme="urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f" classifiedObject="DocumentKOS" id="flag" nodeRepresentation="INVISIBLE_PATIENT"><Slot name="codingScheme"><ValueList><Value>1.2.250.1.213.1.1.4.13</Value></ValueList></Slot><Name><LocalizedString value="Non visible par le patient"/></Name></Classification>' +
            '<Classification classificationScheme="urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d" classifiedObject="DocumentKOS"',
        ),
      },
    ],
  ])('takes %s without a remark', async (_name, alter) => {
    const answer = await submit(setting.newFacts(), setting.target, alter);
    expect(answer.text).toContain(success);
    expect(setting.lastLine().tolerated).toEqual([]);
  });

  it.each([
    [
      'an empty To, as in samples of the DMP',
      { envelope: replacing(/<To ([^>]*)>[^<]*<\/To>/, '<To $1></To>') },
      'soap/to-empty',
    ],
    [
      'old schemes of event codes',
      { content: replacing('1.2.840.10008.2.16.4', '1.2.250.1.213.1.1.5.618') },
      'code/eventCode-old-scheme',
    ],
    [
      'a signature entry without hash',
      { content: inObject('Signature01', replacing(/<Slot name="hash">.*?<\/Slot>/, '')) },
      'signature-entry/hash-absent',
    ],
    [
      'an AudienceRestriction',
      {
        vihfBefore: replacing(
          '<saml2:AuthnStatement',
          '<saml2:Conditions><saml2:AudienceRestriction/></saml2:Conditions><saml2:AuthnStatement',
        ),
      },
      'vihf/audience',
    ],
    ['a KOS that does not say its time zone', { kos: { withoutTimeZone: true } }, 'kos/time-zone'],
    [
      'an order number without authority',
      { content: replacing('OPN-EXEMPLE-1^^^&amp;1.2.250.1.999999.4&amp;ISO^', 'OPN-EXEMPLE-1^^^^') },
      'slot/referenceIdList-authority',
    ],
    [
      'a slot it does not know',
      {
        content: replacing(
          '<Slot name="languageCode">',
          '<Slot name="autre"><ValueList><Value>x</Value></ValueList></Slot><Slot name="languageCode">',
        ),
      },
      'slot/unknown',
    ],
  ])('takes %s, and remarks it in the log', async (_name, alter, rule) => {
    const answer = await submit(setting.newFacts(), setting.target, alter);
    expect(answer.text).toContain(success);
    expect(setting.lastLine().tolerated).toEqual([rule]);
  });

  it('tells the reference of a document by uniqueId, and nothing for one it does not have (C7)', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    const found = await getDocuments(facts.kosUniqueId, facts, setting.target);
    expect(found.contentType).toMatch(/^application\/soap\+xml/);
    expect(found.text).toContain('totalResultCount="1"');
    expect(found.text).toContain(`<rim:ObjectRef id="${entryOf(facts.kosUniqueId)?.entryUuid}"/>`);
    const absent = await getDocuments('2.25.1', facts, setting.target);
    expect(absent.text).toContain(success);
    expect(absent.text).toContain('totalResultCount="0"');
  });

  it('replaces: the new document is approved, the old one deprecated and still found', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    const old = entryOf(facts.kosUniqueId);
    const next = setting.newFacts({
      studyInstanceUid: facts.studyInstanceUid,
      replacesEntryUuid: old?.entryUuid ?? '',
    });
    expect((await submit(next, setting.target)).text).toContain(success);
    expect(entryOf(facts.kosUniqueId)?.status).toBe('Deprecated');
    expect(entryOf(next.kosUniqueId)).toMatchObject({ status: 'Approved', replaces: old?.entryUuid });
    expect((await getDocuments(facts.kosUniqueId, facts, setting.target)).text).toContain('totalResultCount="1"');
  });

  it('deletes: the document is no longer found, its uniqueId never free again', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    const entryUuid = entryOf(facts.kosUniqueId)?.entryUuid ?? '';
    expect((await deleteEntry(entryUuid, setting.newFacts(), setting.target)).text).toContain(success);
    expect(entryOf(facts.kosUniqueId)?.status).toBe('Deleted');
    expect((await getDocuments(facts.kosUniqueId, facts, setting.target)).text).toContain('totalResultCount="0"');
    const again = await submit({ ...setting.newFacts(), kosUniqueId: facts.kosUniqueId }, setting.target);
    expect(again.text).toContain('errorCode="XDSDuplicateUniqueIdInRegistry"');
  });

  it('answers the existence test (TD0.2)', async () => {
    const answer = await testExistence(setting.newFacts(), setting.target);
    expect(answer.text).toContain('<queryResponseCode code="OK"/>');
    expect(answer.text).toContain('<statusCode code="active"/>');
  });

  it('serves another structure under its own certificates', async () => {
    const other = setting.targetOf(structureOf(setting.ca, '1990000002'));
    const facts = setting.newFacts({ structureId: '1990000002', structureName: 'CABINET EXEMPLE' });
    expect((await submit(facts, other)).text).toContain(success);
  });

  it('keeps what it took through a restart, and refuses it again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmp-stand-in-'));
    const first = await openTestSetting({ folder });
    const facts = first.newFacts();
    await submit(facts, first.target);
    await first.close();
    const second = await openTestSetting({ folder });
    expect(second.standIn.entries()).toHaveLength(2);
    expect((await submit(facts, second.target)).text).toContain('errorCode="XDSDuplicateUniqueIdInRegistry"');
    await second.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('accepts EJ/EG: a structure configured as related speaks under the certificate of another (facts/identity.md 4.3)', async () => {
    const related = await openTestSetting({ relatedStructures: { '1990000001': ['1990000077'] } });
    const author = replacing('IDNST^^^1990000001', 'IDNST^^^1990000077');
    const both = { vihfBefore: replacing('>1990000001<', '>1990000077<'), content: author };
    expect((await submit(related.newFacts(), related.target, both)).text).toContain(success);
    expect((await submit(related.newFacts(), related.target, { content: author })).text).toContain(success);
    await related.close();
  });
});

describe('test client of the stand-in', () => {
  const hasXmlsec = spawnSync('xmlsec1', ['--version']).status === 0;

  it.skipIf(!hasXmlsec)('signs so that xmlsec1, a foreign reader, verifies both signatures', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmp-client-'));
    const { sign } = setting.target.credentials;
    const facts = setting.newFacts();
    const trusted = [
      '--trusted-pem',
      setting.ca.rootCertificateFile,
      '--untrusted-pem',
      setting.ca.intermediateCertificateFile,
    ];
    writeFileSync(join(folder, 'vihf.xml'), signVihf(buildVihf(facts, sign), sign));
    const assertion = 'urn:oasis:names:tc:SAML:2.0:assertion:Assertion';
    execFileSync('xmlsec1', ['--verify', ...trusted, '--id-attr:ID', assertion, join(folder, 'vihf.xml')], {
      stdio: 'pipe',
    });
    writeFileSync(join(folder, 'signature.xml'), buildSubmissionRequest(facts, setting.target).signature);
    const ids = [
      '--id-attr:Id',
      'http://www.w3.org/2000/09/xmldsig#:Manifest',
      '--id-attr:Id',
      'http://uri.etsi.org/01903/v1.1.1#:SignedProperties',
    ];
    execFileSync('xmlsec1', ['--verify', '--ignore-manifests', ...trusted, ...ids, join(folder, 'signature.xml')], {
      stdio: 'pipe',
    });
    rmSync(folder, { recursive: true, force: true });
  });
});
