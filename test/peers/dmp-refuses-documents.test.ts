import { afterAll, beforeAll, describe, it } from 'vitest';
import { exampleUid } from './dmp-client/example-facts.ts';
import { expectRefusal, kosEntry, type RefusalRow, tomorrow } from './dmp-client/refusal-rows.ts';
import { openTestSetting, replacing, structureOf, type TestSetting } from './dmp-client/test-setting.ts';

let setting: TestSetting;
beforeAll(async () => {
  setting = await openTestSetting();
}, 60_000);
afterAll(() => setting.close());

const documentRows: readonly RefusalRow[] = [
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

const signatureRows: readonly RefusalRow[] = [
  [
    'a signature document that is another document',
    'xades/root',
    '',
    { signatureAfter: (xml) => `<Autre>${xml}</Autre>` },
  ],
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
    { signatureBefore: replacing(/(<X509SerialNumber [^>]*>)/, '$11') },
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

describe('DMP stand-in: what it refuses, and only for that reason', () => {
  it.each(documentRows)('documents: %s', (...row) => expectRefusal(setting, row));
  it.each(signatureRows)('signature document: %s', (...row) => expectRefusal(setting, row));
});
