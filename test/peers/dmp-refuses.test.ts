import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestCa } from './ca/make-ca.ts';
import { type Alterations, deleteEntry, getDocuments, submit, testExistence } from './dmp-client/dmp-test-client.ts';
import type { SubmissionFacts } from './dmp-client/example-facts.ts';
import { exampleUid } from './dmp-client/example-facts.ts';
import { post, relatedType } from './dmp-client/soap-client.ts';
import { inObject, openTestSetting, replacing, structureOf, type TestSetting } from './dmp-client/test-setting.ts';

let setting: TestSetting;
beforeAll(async () => {
  setting = await openTestSetting({
    patients: [
      { ins: '199017512345657', state: 'open' },
      { ins: '199017512345758', state: 'open' },
      { ins: '299017512345766', state: 'closed' },
    ],
  });
}, 60_000);
afterAll(() => setting.close());

/** What is broken; the only rule that must fire; what the answer must say. */
type Row = readonly [broken: string, rule: string, answer: string, alter: Alterations | ((ca: TestCa) => Alterations)];

const vihf = (from: string | RegExp, to: string): Alterations => ({ vihfBefore: replacing(from, to) });
const content = (from: string | RegExp, to: string): Alterations => ({ content: replacing(from, to) });
const kosEntry = (from: string | RegExp, to: string): Alterations => ({
  content: inObject('DocumentKOS', replacing(from, to)),
});
const signatureEntry = (from: string | RegExp, to: string): Alterations => ({
  content: inObject('Signature01', replacing(from, to)),
});
const set = (from: string | RegExp, to: string): Alterations => ({
  content: inObject('SubmissionSet01', replacing(from, to)),
});
const attribute = (name: string): RegExp => new RegExp(`<saml2:Attribute Name="${name}">.*?</saml2:Attribute>`);
const slot = (name: string): RegExp => new RegExp(`<Slot name="${name}">.*?</Slot>`);
const classification = (scheme: string): RegExp =>
  new RegExp(`<Classification classificationScheme="urn:uuid:${scheme}.*?</Classification>`);
const future = '20991231235959';
const tomorrow = (): string => new Date(Date.now() + 86_400_000).toISOString();

const transportRows: readonly Row[] = [
  ['Content-Type of a plain SOAP message', 'http/content-type', '', { contentType: () => 'application/soap+xml' }],
  ['no start', 'http/start', '', { contentType: replacing(' start="<0.1>";', '') }],
  ['no start-info', 'http/start-info', '', { contentType: replacing(/; start-info=.*/, '') }],
  ['another root type', 'http/type', '', { contentType: replacing('application/xop+xml', 'text/xml') }],
  ['start naming no part', 'mime/form', '', { contentType: replacing('<0.1>', '<9.9>') }],
  ['another boundary', 'mime/form', '', { contentType: replacing('MIMEBoundary_Exemple', 'autre') }],
  ['a body cut before its end', 'mime/form', '', { body: (body) => body.subarray(0, -40) }],
  [
    'line ends without CR',
    'mime/form',
    '',
    { body: (body) => Buffer.from(body.toString('latin1').replaceAll('\r\n', '\n'), 'latin1') },
  ],
  [
    'a root part of another type',
    'mime/root-type',
    '',
    {
      body: (body) => Buffer.from(replacing('application/xop+xml; ', 'text/xml; ')(body.toString('latin1')), 'latin1'),
    },
  ],
  ['a DOCTYPE', 'soap/xml', '', { envelope: (xml) => `<!DOCTYPE a [<!ENTITY b "c">]>${xml}` }],
  ['XML not well-formed', 'soap/xml', '', { envelope: replacing('</soap:Envelope>', '') }],
  [
    'an unknown Action',
    'soap/action',
    'DMPInvalidRequest',
    { envelope: replacing('ProvideAndRegisterDocumentSet-b<', 'Autre<') },
  ],
  [
    'the Action of another service',
    'soap/action',
    'DMPInvalidRequest',
    { envelope: replacing('2007:ProvideAndRegisterDocumentSet-b<', '2010:UpdateDocumentSet<') },
  ],
  [
    'Action without mustUnderstand',
    'soap/action-must-understand',
    'DMPInvalidRequest',
    { envelope: replacing(' mustUnderstand="true"', '') },
  ],
  [
    'MessageID that is no UUID',
    'soap/message-id',
    'DMPInvalidRequest',
    { envelope: replacing('>urn:uuid:', '>uuid:') },
  ],
  ['To of another service', 'soap/to', 'DMPInvalidRequest', { envelope: replacing('/repository<', '/registry<') }],
  [
    'SOAP 1.1',
    'soap/envelope',
    'DMPInvalidRequest',
    {
      envelope: (xml) =>
        xml.replaceAll('http://www.w3.org/2003/05/soap-envelope', 'http://schemas.xmlsoap.org/soap/envelope/'),
    },
  ],
];

const vihfRows: readonly Row[] = [
  ['no VIHF', 'vihf/missing', 'DMPInvalidVIHF', { envelope: replacing(/<saml2:Assertion[^]*<\/saml2:Assertion>/, '') }],
  [
    'two VIHF',
    'vihf/missing',
    'DMPInvalidVIHF',
    {
      envelope: (xml) =>
        xml
          .replace('<soap:Body>', `<soap:Body>${/<saml2:Assertion[^]*<\/saml2:Assertion>/.exec(xml)?.[0]}`)
          .replace(/(<soap:Body>)(<saml2:Assertion[^]*<\/saml2:Assertion>)(<xds:\w+[^>]*>)/, '$1$3$2'),
    },
  ],
  [
    'an attribute changed after signing',
    'vihf/signature-digest',
    'DMPInvalidVIHF',
    { vihfAfter: replacing('DOMINIQUE', 'CLAUDE') },
  ],
  [
    'a signature value changed',
    'vihf/signature-value',
    'DMPInvalidVIHF',
    { vihfAfter: replacing(/<ds:SignatureValue>..../, '<ds:SignatureValue>AAAA') },
  ],
  [
    'a digest changed',
    'vihf/signature-value',
    'DMPInvalidVIHF',
    { vihfAfter: replacing(/<ds:DigestValue>..../, '<ds:DigestValue>AAAA') },
  ],
  [
    'a second Signature',
    'vihf/signature-form',
    'DMPInvalidVIHF',
    {
      vihfAfter: replacing(
        '</saml2:Subject>',
        '</saml2:Subject><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>',
      ),
    },
  ],
  [
    'the signature of another element',
    'vihf/signature-reference',
    'DMPInvalidVIHF',
    { vihfAfter: replacing(/ID="_/, 'ID="_x') },
  ],
  [
    'a weak algorithm',
    'vihf/signature-algorithm',
    'DMPInvalidVIHF',
    { vihfAfter: replacing('xmldsig#rsa-sha1', 'xmldsig#dsa-sha1') },
  ],
  [
    'another transform',
    'vihf/signature-value',
    'DMPInvalidVIHF',
    { vihfAfter: replacing('<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>', '') },
  ],
  [
    'a certificate that is not one',
    'vihf/signature-certificate',
    'DMPInvalidCertificate',
    {
      vihfAfter: replacing(
        /<ds:X509Certificate>.*<\/ds:X509Certificate>/,
        '<ds:X509Certificate>XXXXXXX</ds:X509Certificate>',
      ),
    },
  ],
  [
    'the AUTH_CLI certificate instead of SIGN',
    'vihf/signer-not-sign',
    'soap:DMPInvalidCertificate',
    (ca) => ({ vihfSign: structureOf(ca, '1990000001').authCli }),
  ],
  [
    'a SIGN certificate of another authority',
    'vihf/signer-untrusted',
    'Not a valid signature certificate',
    (ca) => ({ vihfSign: ca.negative.rogueSign }),
  ],
  [
    'an expired SIGN certificate',
    'vihf/signer-untrusted',
    'DMPInvalidCertificate',
    (ca) => ({ vihfSign: ca.negative.expiredSign }),
  ],
  [
    'a revoked SIGN certificate',
    'vihf/signer-untrusted',
    'DMPInvalidCertificate',
    (ca) => ({ vihfSign: ca.negative.revokedSign }),
  ],
  [
    'Issuer other than the signer',
    'vihf/issuer-not-signer',
    'DMPInvalidVIHF',
    vihf('CN=drimbox.exemple', 'CN=autre.exemple'),
  ],
  ['Issuer without Format', 'vihf/issuer-format', 'DMPInvalidVIHF', vihf(/ Format="[^"]*"/, '')],
  [
    'Signature not after Issuer',
    'vihf/signature-place',
    'DMPInvalidVIHF',
    { vihfAfter: replacing(/(<ds:Signature [^]*<\/ds:Signature>)([^]*)(<\/saml2:Assertion>)/, '$2$1$3') },
  ],
  ['SAML 1.1', 'vihf/saml-version', 'DMPInvalidVIHF', vihf('Version="2.0"', 'Version="1.1"')],
  [
    'IssueInstant of an hour ago',
    'vihf/instant-stale',
    'DMPInvalidVIHF',
    vihf(/IssueInstant="[^"]*"/, `IssueInstant="${new Date(Date.now() - 3_600_000).toISOString()}"`),
  ],
  [
    'IssueInstant of tomorrow',
    'vihf/instant-stale',
    'DMPInvalidVIHF',
    vihf(/IssueInstant="[^"]*"/, `IssueInstant="${tomorrow()}"`),
  ],
  [
    'AuthnInstant in local time',
    'vihf/instant-form',
    'DMPInvalidVIHF',
    vihf(/AuthnInstant="[^"]*"/, 'AuthnInstant="2026-11-21T05:00:00"'),
  ],
  [
    'Conditions that have passed',
    'vihf/conditions',
    'DMPInvalidVIHF',
    vihf('<saml2:AuthnStatement', '<saml2:Conditions NotOnOrAfter="2020-01-01T00:00:00Z"/><saml2:AuthnStatement'),
  ],
  [
    'no AuthnContextClassRef',
    'vihf/authn-context',
    'DMPInvalidVIHF',
    vihf(/<saml2:AuthnContextClassRef>.*<\/saml2:AuthnContextClassRef>/, ''),
  ],
  ['an empty NameID', 'vihf/name-id', 'DMPInvalidVIHF', vihf(/<saml2:NameID>.*<\/saml2:NameID>/, '<saml2:NameID/>')],
  [
    'an attribute twice',
    'vihf/attribute-repeated',
    'DMPInvalidVIHF',
    vihf(
      '</saml2:AttributeStatement>',
      '<saml2:Attribute Name="LPS_Nom"><saml2:AttributeValue>x</saml2:AttributeValue></saml2:Attribute></saml2:AttributeStatement>',
    ),
  ],
  ['VIHF_Version 2.0', 'vihf/version', 'DMPInvalidVIHF', vihf('>3.0<', '>2.0<')],
  ['no VIHF_Version', 'vihf/version', 'DMPInvalidVIHF', vihf(attribute('VIHF_Version'), '')],
  ['no mode', 'vihf/mode', 'DMPInvalidVIHF', vihf(attribute('Authentification_Mode'), '')],
  [
    'both spellings of the mode',
    'vihf/mode',
    'DMPInvalidVIHF',
    vihf(
      '<saml2:Attribute Name="LPS_Nom">',
      '<saml2:Attribute Name="Authentification_mode"><saml2:AttributeValue>INDIRECTE</saml2:AttributeValue></saml2:Attribute><saml2:Attribute Name="LPS_Nom">',
    ),
  ],
  ['AIR, which may not feed', 'vihf/mode-forbidden', 'DMPForbidden', vihf('>INDIRECTE<', '>INDIRECTE_RENFORCEE<')],
  ['the direct mode without a card', 'vihf/mode-forbidden', 'DMPForbidden', vihf('>INDIRECTE<', '>DIRECTE<')],
  ['a sector without its code system', 'vihf/sector', 'DMPInvalidVIHF', vihf('SA08^1.2.250.1.71.4.2.4', 'SA08')],
  ['another resource', 'vihf/resource-urn', 'DMPInvalidVIHF', vihf('>urn:dmp<', '>urn:autre<')],
  ['another purpose of use', 'vihf/purpose', 'DMPInvalidVIHF', vihf('code="normal"', 'code="bris_de_glace"')],
  [
    'no subject-id',
    'vihf/subject',
    'DMPInvalidVIHF',
    vihf(attribute('urn:oasis:names:tc:xspa:1.0:subject:subject-id'), ''),
  ],
  ['no LPS_Nom', 'vihf/softwareName', 'DMPInvalidVIHF', vihf(attribute('LPS_Nom'), '')],
  ['no LPS_Version', 'vihf/softwareVersion', 'DMPInvalidVIHF', vihf(attribute('LPS_Version'), '')],
  ['no homologation number', 'vihf/homologation', 'DMPInvalidVIHF', vihf(attribute('LPS_ID_HOMOLOGATION_DMP'), '')],
  ['no role', 'vihf/role', 'DMPInvalidVIHF', vihf(attribute('urn:oasis:names:tc:xacml:2.0:subject:role'), '')],
  [
    'a role of an unknown code system',
    'vihf/role',
    'DMPInvalidVIHF',
    vihf('codeSystem="1.2.250.1.71.1.2.7"', 'codeSystem="1.2.3"'),
  ],
  ['a role that is not coded', 'vihf/role', 'DMPInvalidVIHF', vihf('xsi:type="CE" code="10"', 'code="10"')],
  [
    'a doctor without speciality',
    'vihf/specialty',
    'Aucune spécialité dans le vihf',
    vihf(/<saml2:AttributeValue><Role [^>]*code="SM44"[^>]*\/><\/saml2:AttributeValue>/, ''),
  ],
  [
    'a structure other than the certificate’s',
    'vihf/structure-unknown',
    'Structure introuvable ou Inactive',
    vihf('>1990000001<', '>1990000055<'),
  ],
  ['no structure', 'vihf/structure', 'DMPInvalidVIHF', vihf(attribute('Identifiant_Structure'), '')],
  ['a patient without OID', 'vihf/patient', 'DMPInvalidVIHF', vihf('&amp;1.2.250.1.213.1.4.10&amp;ISO', '')],
];

const setRows: readonly Row[] = [
  [
    'the set of another patient',
    'patient/not-vihf',
    'XDSPatientIdDoesNotMatch',
    set('199017512345657', '199017512345758'),
  ],
  [
    'the KOS of another patient',
    'patient/not-vihf',
    'XDSPatientIdDoesNotMatch',
    kosEntry('value="199017512345657', 'value="199017512345758'),
  ],
  [
    'the signature of another patient',
    'patient/not-vihf',
    'XDSPatientIdDoesNotMatch',
    signatureEntry('value="199017512345657', 'value="199017512345758'),
  ],
  [
    'the same INS under another OID',
    'patient/not-vihf',
    'XDSPatientIdDoesNotMatch',
    kosEntry('value="199017512345657^^^&amp;1.2.250.1.213.1.4.10', 'value="199017512345657^^^&amp;1.2.250.1.213.1.4.8'),
  ],
  ['a malformed patientId', 'patient/form', 'XDSRepositoryMetadataError', set('&amp;ISO^NH', '&amp;ISO^PI')],
  [
    'an author of another structure',
    'set/structure-not-vihf',
    'Aucun AuthorInstitution ne correspond à l&#39;utilisateur du VIHF'.replace('&#39;', "'"),
    set('IDNST^^^1990000001', 'IDNST^^^1990000002'),
  ],
  ['no author', 'author/missing', 'XDSRepositoryMetadataError', set(classification('a7058bb9'), '')],
  ['an author without IDNPS', 'author/person', 'XDSRepositoryMetadataError', set('^D^^^IDNPS', '^D^^^RPPS')],
  ['no authorInstitution', 'author/institution', 'XDSRepositoryMetadataError', kosEntry(slot('authorInstitution'), '')],
  [
    'a contentTypeCode of another scheme',
    'code/contentTypeCode',
    'XDSRegistryMetadataError',
    set('1.2.250.1.213.2.2', '1.2.3'),
  ],
  ['no submissionTime', 'slot/submissionTime', 'XDSRepositoryMetadataError', set(slot('submissionTime'), '')],
  [
    'a submissionTime with an offset',
    'slot/submissionTime',
    'XDSRepositoryMetadataError',
    set(/<Value>(\d{14})<\/Value>/, '<Value>$1+0100</Value>'),
  ],
  [
    'a submissionTime in the future, as a local time would be',
    'slot/submissionTime-future',
    'XDSRepositoryMetadataError',
    set(/<Value>\d{14}<\/Value>/, `<Value>${future}</Value>`),
  ],
  ['no submission set node', 'set/node', 'XDSRegistryMetadataError', set('urn:uuid:a54d6aa5', 'urn:uuid:b54d6aa5')],
  ['a sourceId that is no OID', 'set/oid', 'XDSRegistryMetadataError', set('1.2.250.1.999999.1', 'DRIMBOX')],
  [
    'no uniqueId of the set',
    'identifier/XDSSubmissionSet.uniqueId xades/manifest-references',
    'XDSRepositoryMetadataError',
    set('urn:uuid:96fdda7c', 'urn:uuid:a6fdda7c'),
  ],
  [
    'two submission sets',
    'set/count',
    'XDSRegistryMetadataError',
    content('<ExtrinsicObject id="DocumentKOS"', '<RegistryPackage id="x"/><ExtrinsicObject id="DocumentKOS"'),
  ],
];

const entryRows: readonly Row[] = [
  [
    'an object type of another kind',
    'entry/object-type',
    '',
    kosEntry('objectType="urn:uuid:7edca82f', 'objectType="urn:uuid:8edca82f'),
  ],
  [
    'no title',
    'entry/title',
    '',
    kosEntry(/<Name><LocalizedString charset="UTF8" value="Reference d'Objets[^>]*\/><\/Name>/, ''),
  ],
  ['no creationTime', 'slot/creationTime', '', signatureEntry(slot('creationTime'), '')],
  [
    'a serviceStartTime that is no date',
    'slot/serviceStartTime',
    '',
    kosEntry(/(<Slot name="serviceStartTime"><ValueList><Value>)\d{8}/, '$120261399'),
  ],
  [
    'a serviceStopTime in the future',
    'slot/serviceStopTime-future',
    '',
    kosEntry(/(<Slot name="serviceStopTime"><ValueList><Value>)\d{14}/, `$1${future}`),
  ],
  ['another language', 'slot/languageCode', '', kosEntry('>fr-FR<', '>en-US<')],
  ['a signature that is not in an artificial language', 'slot/languageCode', '', signatureEntry('>art<', '>fr-FR<')],
  [
    'two legal authenticators',
    'slot/legalAuthenticator',
    '',
    kosEntry(/(<Slot name="legalAuthenticator"><ValueList>)(<Value>.*?<\/Value>)/, '$1$2$2'),
  ],
  [
    'a malformed legal authenticator',
    'slot/legalAuthenticator',
    '',
    kosEntry(/(<Slot name="legalAuthenticator"><ValueList><Value>)[^<]*/, '$1DR EXEMPLE'),
  ],
  ['no sourcePatientId', 'slot/sourcePatientId', '', kosEntry(slot('sourcePatientId'), '')],
  [
    'a sourcePatientId without authority',
    'slot/sourcePatientId',
    '',
    kosEntry('IPP-EXEMPLE-1^^^&amp;1.2.250.1.999999.2&amp;ISO^PI', 'IPP-EXEMPLE-1'),
  ],
  ['no sourcePatientInfo', 'slot/sourcePatientInfo', '', kosEntry(slot('sourcePatientInfo'), '')],
  ['a sex out of its table', 'slot/sourcePatientInfo', '', kosEntry('PID-8|F', 'PID-8|X')],
  ['a birth place that is no INSEE code', 'slot/sourcePatientInfo', '', kosEntry('BDL^^75056', 'BDL^^PARIS')],
  [
    'a hash in capitals',
    'slot/hash document/hash',
    '',
    {
      content: inObject('DocumentKOS', (text) =>
        text.replace(
          /(<Slot name="hash"><ValueList><Value>)([0-9a-f]{40})/,
          (_all, head: string, hash: string) => `${head}${hash.toUpperCase()}`,
        ),
      ),
    },
  ],
  ['no hash', 'slot/hash', '', kosEntry(slot('hash'), '')],
  ['no size', 'slot/size', '', kosEntry(slot('size'), '')],
  ['another classCode', 'code/classCode', '', kosEntry('nodeRepresentation="31"', 'nodeRepresentation="10"')],
  ['another typeCode', 'code/typeCode', '', kosEntry('nodeRepresentation="IMG-KOS"', 'nodeRepresentation="18748-4"')],
  [
    'another formatCode',
    'code/formatCode',
    '',
    kosEntry('nodeRepresentation="1.2.840.10008.5.1.4.1.1.88.59"', 'nodeRepresentation="urn:ihe:rad:1.2.840"'),
  ],
  ['a formatCode of another scheme', 'code/formatCode', '', kosEntry('1.2.840.10008.2.6.1', '1.2.840.10008.2.6')],
  ['no formatCode', 'code/formatCode', '', kosEntry(classification('a09d5840'), '')],
  [
    'a code without a name',
    'code/typeCode',
    '',
    kosEntry(
      `<Name><LocalizedString charset="UTF8" value="Reference d'objets d'un examen d'imagerie" xml:lang="FR"/></Name></Classification>`,
      '</Classification>',
    ),
  ],
  ['no confidentiality', 'code/confidentialityCode', '', kosEntry(classification('f4f85eac'), '')],
  [
    'an unknown flag',
    'code/confidentialityCode',
    '',
    kosEntry('nodeRepresentation="N"', 'nodeRepresentation="SECRET"'),
  ],
  [
    'a facility type out of JDV_J02',
    'code/healthcareFacilityTypeCode',
    '',
    kosEntry('nodeRepresentation="SA08"', 'nodeRepresentation="HOPITAL"'),
  ],
  [
    'a practice setting of another scheme',
    'code/practiceSettingCode',
    '',
    kosEntry('1.2.250.1.213.1.1.4.9', '1.2.250.1.213.1.1.4.8'),
  ],
  [
    'no modality',
    'code/eventCodeList',
    '',
    kosEntry(
      /<Classification classificationScheme="urn:uuid:2c6b8cb7[^>]*nodeRepresentation="CT".*?<\/Classification>/,
      '',
    ),
  ],
  [
    'a modality that DICOM does not know',
    'code/eventCodeList',
    '',
    kosEntry('nodeRepresentation="CT"', 'nodeRepresentation="SCANNER"'),
  ],
  ['a region of an unknown scheme', 'code/eventCodeList', '', kosEntry('2.16.840.1.113883.6.96', '1.2.3')],
  [
    'no study in referenceIdList',
    'slot/referenceIdList kos/study kos/evidence',
    '',
    kosEntry(/<Value>[^<]*studyInstanceUID<\/Value>/, ''),
  ],
  ['a reference of an unknown kind', 'slot/referenceIdList', '', kosEntry('2013:accession', '2013:uniqueId')],
  [
    'an accession number without authority',
    'slot/referenceIdList',
    '',
    kosEntry('ACN-EXEMPLE-1^^^&amp;1.2.250.1.999999.3&amp;ISO^', 'ACN-EXEMPLE-1^^^^'),
  ],
  [
    'slots after classifications',
    'object/child-order',
    '',
    {
      content: inObject('DocumentKOS', (text) => {
        const found = slot('urn:ihe:iti:xds:2013:referenceIdList').exec(text)?.[0] ?? '';
        return text.replace(found, '').replace('<ExternalIdentifier', `${found}<ExternalIdentifier`);
      }),
    },
  ],
  [
    'a slot twice',
    'object/slot-repeated',
    '',
    kosEntry(
      '<Slot name="languageCode">',
      '<Slot name="languageCode"><ValueList><Value>fr-FR</Value></ValueList></Slot><Slot name="languageCode">',
    ),
  ],
  [
    'a classification of another object',
    'object/belongs',
    '',
    kosEntry('classifiedObject="DocumentKOS"', 'classifiedObject="Autre"'),
  ],
  ['an id twice', 'object/id-repeated', '', content('id="as2"', 'id="as1"')],
  [
    'a signature visible to the patient',
    'signature-entry/hidden',
    '',
    signatureEntry(/<Classification [^>]*nodeRepresentation="INVISIBLE_PATIENT".*?<\/Classification>/, ''),
  ],
  ['a signature of another typeCode', 'code/typeCode', '', signatureEntry('"E1762"', '"E1763"')],
  [
    'a signature without purpose',
    'code/eventCodeList',
    '',
    signatureEntry('nodeRepresentation="1.2.840.10065.1.12.1.14"', 'nodeRepresentation="1.2.840.10065.1.12.1.1"'),
  ],
  ['no signature entry', 'submission/entries', '', signatureEntry('mimeType="text/xml"', 'mimeType="text/plain"')],
];

const associationRows: readonly Row[] = [
  ['a missing HasMember', 'association/has-member', '', content(/<Association [^>]*id="as2".*?<\/Association>/, '')],
  [
    'a HasMember to nothing',
    'association/has-member',
    '',
    content('targetObject="DocumentKOS"', 'targetObject="Autre"'),
  ],
  ['SubmissionSetStatus Reference', 'association/status', '', content('>Original<', '>Reference<')],
  ['no signs', 'association/signs', '', content(/<Association [^>]*id="as3".*?<\/Association>/, '')],
  [
    'signs the wrong way',
    'association/signs',
    '',
    content(
      'sourceObject="Signature01" targetObject="SubmissionSet01"',
      'sourceObject="SubmissionSet01" targetObject="Signature01"',
    ),
  ],
  [
    'APND, which no text allows',
    'association/unknown',
    '',
    content(
      /<Association [^>]*id="as3"/,
      '<Association associationType="urn:ihe:iti:2007:AssociationType:APND" id="as9" sourceObject="DocumentKOS" targetObject="urn:uuid:x"/>$&',
    ),
  ],
  [
    'a Document without part',
    'document/part document/unreferenced document/missing',
    'XDSMissingDocument',
    content('cid:0.2', 'cid:0.9'),
  ],
  [
    'a Document of another id',
    'document/missing',
    'XDSMissingDocument',
    content('<xds:Document id="DocumentKOS">', '<xds:Document id="documentKOS">'),
  ],
  [
    'an entry whose Document is missing',
    'document/unreferenced document/missing',
    'XDSMissingDocumentMetadata',
    content(/<xds:Document id="DocumentKOS">.*?<\/xds:Document>/, ''),
  ],
];

const documentRows: readonly Row[] = [
  [
    'a KOS changed after its hash was taken',
    'document/hash document/size kos/unreadable xades/kos-digest',
    '',
    { sentKos: (kos) => kos.subarray(0, 100) },
  ],
  [
    'one bit of the KOS changed',
    'document/hash xades/kos-digest',
    '',
    {
      sentKos: (kos) => {
        const changed = Buffer.from(kos);
        changed.writeUInt8(1, 0);
        return changed;
      },
    },
  ],
  [
    'a line break added to the KOS',
    'document/hash document/size kos/unreadable xades/kos-digest',
    '',
    { sentKos: (kos) => Buffer.concat([kos, Buffer.from('\r\n')]) },
  ],
  ['a size that is wrong', 'document/size', '', kosEntry(/(<Slot name="size"><ValueList><Value>)\d+/, '$17')],
  ['a document that is not DICOM', 'kos/unreadable', '', { kosBytes: () => Buffer.from('not a manifest') }],
  ['a KOS cut in the middle', 'kos/unreadable', '', { kosBytes: (kos) => kos.subarray(0, kos.length - 30) }],
  ['an image instead of a KOS', 'kos/class', '', { kos: { sopClassUid: '1.2.840.10008.5.1.4.1.1.2' } }],
  ['a SOPInstanceUID other than uniqueId', 'kos/unique-id', '', { kos: { sopInstanceUid: '2.25.7' } }],
  ['the KOS of another patient', 'kos/patient', '', { kos: { patientId: '199017512345758' } }],
  [
    'the KOS of the same INS under another OID',
    'kos/patient-issuer',
    '',
    { kos: { patientIssuer: '1.2.250.1.213.1.4.8' } },
  ],
  [
    'the KOS of another study',
    'kos/study kos/evidence',
    '',
    {
      kos: { studyInstanceUid: '2.25.8' },
      content: (text) => text.replace(new RegExp(`${exampleUid(1, 0).slice(0, -6)}\\d{6}(?=\\^)`), '2.25.9'),
    },
  ],
  ['a key object selection that is no manifest', 'kos/title', '', { kos: { titleCode: '113000' } }],
  ['a manifest without evidence', 'kos/evidence', '', { kos: { withoutEvidence: true } }],
  ['a manifest without content', 'kos/content', '', { kos: { withoutContent: true } }],
  ['a creationTime that is the local time of the KOS', 'kos/creation-time', '', { kos: { creationTime: '030303' } }],
];

const signatureRows: readonly Row[] = [
  ['a signature document that is not XML', 'xades/xml', '', { signatureAfter: () => 'not XML' }],
  [
    'another KOS digest',
    'xades/kos-digest',
    '',
    {
      signatureBefore: (xml) =>
        xml.replace(/(urn:oid:2\.25\.\d*2\d{6}".*?<DigestValue>)[^<]*/, '$1AAAAAAAAAAAAAAAAAAAAAAAAAAA='),
    },
  ],
  ['a digest for the set', 'xades/set-digest', '', { signatureBefore: replacing('AA==', 'AAA=') }],
  [
    'a manifest of another set',
    'xades/manifest-references',
    '',
    { signatureBefore: replacing(/urn:oid:2\.25\.\d*3\d{6}/, 'urn:oid:2.25.3') },
  ],
  [
    'a transform on the KOS',
    'xades/kos-transforms',
    '',
    {
      signatureBefore: (xml) =>
        xml.replace(
          /(urn:oid:2\.25\.\d*2\d{6}">)/,
          '$1<Transforms><Transform Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/></Transforms>',
        ),
    },
  ],
  [
    'an Id other than its uniqueId',
    'xades/id xades/purpose',
    '',
    { signatureBefore: replacing(/(<Signature [^>]*Id=")[^"]*/, '$12.25.4') },
  ],
  [
    'another purpose',
    'xades/purpose',
    '',
    { signatureBefore: replacing('>1.2.840.10065.1.12.1.14<', '>1.2.840.10065.1.12.1.1<') },
  ],
  [
    'a SigningTime of tomorrow',
    'xades/signing-time',
    '',
    { signatureBefore: replacing(/<SigningTime>[^<]*/, `<SigningTime>${tomorrow()}`) },
  ],
  [
    'the digest of another certificate',
    'xades/certificate-digest',
    '',
    { signatureBefore: replacing(/(<CertDigest>.*?<DigestValue>)[^<]*/, '$1AAAA') },
  ],
  [
    'another serial number',
    'xades/issuer-serial',
    '',
    { signatureBefore: replacing(/(<X509SerialNumber [^>]*>)\d/, '$19') },
  ],
  [
    'another version of XAdES',
    'xades/signed-properties',
    '',
    {
      signatureBefore: replacing(
        '<QualifyingProperties xmlns="http://uri.etsi.org/01903/v1.1.1#"',
        '<QualifyingProperties xmlns="http://uri.etsi.org/01903/v1.2.2#"',
      ),
    },
  ],
  [
    'no reference to SignedProperties',
    'xades/signature-reference',
    '',
    { signatureBefore: replacing(/<Reference Type="http:\/\/uri\.etsi\.org[^]*?<\/Reference>/, '') },
  ],
  ['a manifest changed after signing', 'xades/signature-digest', '', { signatureAfter: replacing('AA==', 'AAA=') }],
  [
    'a signature value changed',
    'xades/signature-value',
    '',
    { signatureAfter: replacing(/<SignatureValue>..../, '<SignatureValue>AAAA') },
  ],
  [
    'two elements of the same Id',
    'xades/signature-reference',
    '',
    { signatureAfter: replacing('<Object><Manifest', '<Object Id="IHEManifest"><Manifest') },
  ],
  [
    'the AUTH_CLI certificate',
    'xades/signer-not-sign',
    '',
    (ca) => ({ documentSign: structureOf(ca, '1990000001').authCli }),
  ],
  [
    'a certificate of another authority',
    'xades/signer-untrusted',
    '',
    (ca) => ({ documentSign: ca.negative.rogueSign }),
  ],
  [
    'the SIGN certificate of another structure',
    'xades/signer-other-structure',
    '',
    (ca) => ({ documentSign: ca.negative.otherStructureSign }),
  ],
];

const refuse = async ([, rule, text, alter]: Row, changes: Partial<SubmissionFacts> = {}): Promise<void> => {
  const before = setting.standIn.entries().length;
  const answer = await submit(
    setting.newFacts(changes),
    setting.target,
    typeof alter === 'function' ? alter(setting.ca) : alter,
  );
  expect([...new Set(setting.lastLine().rules)]).toEqual(rule.split(' '));
  expect(answer.text).toContain(text);
  expect(answer.text).not.toContain('ResponseStatusType:Success');
  expect(setting.standIn.entries()).toHaveLength(before);
};

describe('DMP stand-in: what it refuses, and only for that reason', () => {
  it.each(transportRows)('HTTP, MIME and SOAP: %s', (...row) => refuse(row));
  it.each(vihfRows)('VIHF: %s', (...row) => refuse(row));
  it.each(setRows)('submission set: %s', (...row) => refuse(row));
  it.each(entryRows)('document entries: %s', (...row) => refuse(row));
  it.each(associationRows)('associations: %s', (...row) => refuse(row));
  it.each(documentRows)('documents: %s', (...row) => refuse(row));
  it.each(signatureRows)('signature document: %s', (...row) => refuse(row));

  it('refuses the VIHF signed by the SIGN certificate of another structure than the TLS client', async () => {
    const answer = await submit(setting.newFacts(), setting.target, {
      vihfSign: setting.ca.negative.otherStructureSign,
    });
    expect(setting.lastLine().rules).toContain('vihf/signer-other-structure');
    expect(answer.text).toContain('DMPInvalidCertificate');
  });

  it.each([
    ['rogueAuthCli', 'another authority'],
    ['expiredAuthCli', 'expired'],
    ['revokedAuthCli', 'revoked'],
  ] as const)('cuts the TLS connection of %s: %s', async (kind, _why) => {
    const client = setting.targetOf({ ...setting.target.credentials, authCli: setting.ca.negative[kind] });
    await expect(submit(setting.newFacts(), client)).rejects.toThrow();
    await expect.poll(() => setting.lastLine().rules).toEqual(['tls/handshake']);
  });

  it('cuts the TLS connection of a SIGN certificate: it is not made for clients', async () => {
    const { credentials } = setting.target;
    await expect(
      submit(setting.newFacts(), setting.targetOf({ ...credentials, authCli: credentials.sign })),
    ).rejects.toThrow();
  });

  it('refuses a client certificate without OU: no structure (poc.md 3.1)', async () => {
    const client = setting.targetOf({ ...setting.target.credentials, authCli: setting.ca.negative.noOuAuthCli });
    expect((await submit(setting.newFacts(), client)).text).toContain('DMPInvalidCertificate');
    expect(setting.lastLine().rules).toContain('tls/no-structure');
  });

  it('answers 404 on another path and 405 on GET-like use', async () => {
    const answer = await post(
      `${setting.standIn.baseUrl}/habilitations`,
      setting.target.agent,
      relatedType,
      Buffer.alloc(0),
    );
    expect(answer.status).toBe(404);
  });
});

const entryUuidOf = (uniqueId: string): string =>
  setting.standIn.entries().find((entry) => entry.uniqueId === uniqueId)?.entryUuid ?? '';

const other: SubmissionFacts['patient'] = {
  ins: '199017512345758',
  oid: '1.2.250.1.213.1.4.10',
  family: 'PAT-AUTRE',
  given: 'CAMILLE',
};

describe('DMP stand-in: what the state of its registry refuses', () => {
  it('refuses a patient without record, and one whose record is closed', async () => {
    const unknown = { ...other, ins: '199017512345859' };
    expect((await submit(setting.newFacts({ patient: unknown }), setting.target)).text).toContain(
      'errorCode="XDSUnknownPatientId"',
    );
    const closed = { ...other, ins: '299017512345766' };
    expect((await submit(setting.newFacts({ patient: closed }), setting.target)).text).toContain(
      'errorCode="DMPClosed"',
    );
  });

  it('refuses the very same bytes a second time: the client must ask before sending again (C2)', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    expect((await submit(facts, setting.target)).text).toContain('errorCode="XDSDuplicateUniqueIdInRegistry"');
  });

  it.each([
    ['kosUniqueId', 'the document'],
    ['setUniqueId', 'the set'],
    ['signatureUniqueId', 'the signature'],
  ] as const)('refuses a submission whose %s is taken: %s', async (key, _what) => {
    const first = setting.newFacts();
    await submit(first, setting.target);
    await submit({ ...setting.newFacts(), [key]: first[key] }, setting.target);
    expect(setting.lastLine().rules).toEqual(['registry/duplicate']);
  });

  it('refuses a replacement of nothing, of what was replaced, of another patient’s document', async () => {
    const first = setting.newFacts();
    await submit(first, setting.target);
    const replacesEntryUuid = entryUuidOf(first.kosUniqueId);
    const rulesOf = async (changes: Partial<SubmissionFacts>): Promise<readonly string[]> => {
      await submit(setting.newFacts(changes), setting.target);
      return setting.lastLine().rules;
    };
    expect(await rulesOf({ replacesEntryUuid: 'urn:uuid:00000000-0000-4000-8000-000000000000' })).toEqual([
      'registry/replaced-unknown',
    ]);
    expect(await rulesOf({ replacesEntryUuid: 'DocumentKOS' })).toEqual(['association/replaces']);
    expect(await rulesOf({ replacesEntryUuid, patient: other })).toEqual(['registry/replaced-patient']);
    expect(await rulesOf({ replacesEntryUuid: entryUuidOf(first.signatureUniqueId) })).toEqual([
      'registry/replaced-status',
    ]);
    expect(await rulesOf({ replacesEntryUuid })).toEqual([]);
    expect(await rulesOf({ replacesEntryUuid })).toEqual(['registry/replaced-status']);
  });

  it('keeps structures apart: neither replacement nor deletion of another one’s document', async () => {
    const first = setting.newFacts();
    await submit(first, setting.target);
    const client = setting.targetOf(structureOf(setting.ca, '1990000002'));
    const entryUuid = entryUuidOf(first.kosUniqueId);
    const mine = { structureId: '1990000002', structureName: 'CABINET EXEMPLE' };
    await submit(setting.newFacts({ ...mine, replacesEntryUuid: entryUuid }), client);
    expect(setting.lastLine().rules).toEqual(['registry/replaced-structure']);
    await deleteEntry(entryUuid, setting.newFacts(mine), client);
    expect(setting.lastLine().rules).toEqual(['update/structure']);
  });

  it('refuses a deletion of another patient, of a wrong status, of nothing, and a second one', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    const entryUuid = entryUuidOf(facts.kosUniqueId);
    const rulesOf = async (
      uuid: string,
      changes: Partial<SubmissionFacts>,
      alter: Alterations = {},
    ): Promise<readonly string[]> => {
      await deleteEntry(uuid, setting.newFacts(changes), setting.target, alter);
      return setting.lastLine().rules;
    };
    expect(await rulesOf(entryUuid, { patient: other })).toEqual(['update/patient']);
    expect(await rulesOf(entryUuid, {}, content('StatusType:Approved', 'StatusType:Deprecated'))).toEqual([
      'update/original-status',
    ]);
    expect(await rulesOf(entryUuid, {}, content('StatusType:Deleted', 'StatusType:Archived'))).toEqual([
      'update/forbidden',
    ]);
    expect(
      await rulesOf(entryUuid, {}, content('AssociationType:UpdateAvailabilityStatus', 'AssociationType:RPLC')),
    ).toEqual(['update/association']);
    expect(await rulesOf('urn:uuid:00000000-0000-4000-8000-000000000000', {})).toEqual(['update/unknown']);
    expect(await rulesOf(entryUuid, {})).toEqual([]);
    expect(await rulesOf(entryUuid, {})).toEqual(['update/unknown']);
  });

  it.each([
    ['FindDocuments', content('5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4', '14d4debf-8f97-4251-9a74-a90016b0af0d')],
    ['whole metadata (LeafClass)', content('returnType="ObjectRef"', 'returnType="LeafClass"')],
    ['a query by entryUUID', content('$XDSDocumentEntryUniqueId', '$XDSDocumentEntryEntryUUID')],
  ])('refuses %s in indirect mode (C7)', async (_name, alter) => {
    const answer = await getDocuments('2.25.1', setting.newFacts(), setting.target, alter);
    expect(answer.text).toContain('soap:DMPForbidden');
    expect(setting.lastLine().rules).toEqual(['query/forbidden']);
  });

  it('refuses a uniqueId that is not in a list', async () => {
    await getDocuments('2.25.1', setting.newFacts(), setting.target, content(/\('([^']*)'\)/, "'$1'"));
    expect(setting.lastLine().rules).toEqual(['query/parameter']);
  });

  it('does not tell one patient’s document under the VIHF of another', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    const answer = await getDocuments(facts.kosUniqueId, setting.newFacts({ patient: other }), setting.target);
    expect(answer.text).toContain('errorCode="XDSPatientIdDoesNotMatch"');
  });

  it('tells a closed record and an unknown patient in the existence test, and refuses another patient than the VIHF’s', async () => {
    const closed = await testExistence(
      setting.newFacts({ patient: { ...other, ins: '299017512345766' } }),
      setting.target,
    );
    expect(closed.text).toContain('<statusCode code="terminated"/>');
    const unknown = await testExistence(
      setting.newFacts({ patient: { ...other, ins: '199017512345859' } }),
      setting.target,
    );
    expect(unknown.text).toContain('<queryResponseCode code="NF"/>');
    await testExistence(
      setting.newFacts(),
      setting.target,
      content('extension="199017512345657"', 'extension="199017512345758"'),
    );
    expect(setting.lastLine().rules).toEqual(['existence/patient']);
    await testExistence(setting.newFacts(), setting.target, content('TEST_EXST', 'AUTRE'));
    expect(setting.lastLine().rules).toEqual(['existence/form']);
  });
});
