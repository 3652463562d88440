import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  classification,
  content,
  expectRefusal,
  future,
  kosEntry,
  type RefusalRow,
  set,
  signatureEntry,
  slot,
} from './dmp-client/refusal-rows.ts';
import { inObject, openTestSetting, type TestSetting } from './dmp-client/test-setting.ts';

let setting: TestSetting;
beforeAll(async () => {
  setting = await openTestSetting();
}, 60_000);
afterAll(() => setting.close());

const setRows: readonly RefusalRow[] = [
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

const entryRows: readonly RefusalRow[] = [
  [
    'a uniqueId that is no UID',
    'entry/unique-id xades/id',
    '',
    {
      content: inObject('Signature01', (text) => text.replace(/value="2\.25\.[0-9]+"/, 'value="SIGNATURE-1"')),
    },
  ],
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
    'an accession number whose authority is no OID',
    'slot/referenceIdList',
    '',
    kosEntry('ACN-EXEMPLE-1^^^&amp;1.2.250.1.999999.3&amp;ISO^', 'ACN-EXEMPLE-1^^^RIS^'),
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

const associationRows: readonly RefusalRow[] = [
  [
    'another request in the Body',
    'submission/content',
    '',
    {
      content: (text) => text.replaceAll('xds:ProvideAndRegisterDocumentSetRequest', 'xds:RetrieveDocumentSetRequest'),
    },
  ],
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

describe('DMP stand-in: what it refuses, and only for that reason', () => {
  it.each(setRows)('submission set: %s', (...row) => expectRefusal(setting, row));
  it.each(entryRows)('document entries: %s', (...row) => expectRefusal(setting, row));
  it.each(associationRows)('associations: %s', (...row) => expectRefusal(setting, row));
});
