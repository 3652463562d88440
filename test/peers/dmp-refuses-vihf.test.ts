import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { submit } from './dmp-client/dmp-test-client.ts';
import { attribute, expectRefusal, type RefusalRow, tomorrow, vihf } from './dmp-client/refusal-rows.ts';
import { call, plainType, post, relatedType } from './dmp-client/soap-client.ts';
import { openTestSetting, replacing, structureOf, type TestSetting } from './dmp-client/test-setting.ts';

let setting: TestSetting;
beforeAll(async () => {
  setting = await openTestSetting();
}, 60_000);
afterAll(() => setting.close());

const transportRows: readonly RefusalRow[] = [
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
  [
    'a root part that does not say its charset',
    'mime/root-charset',
    '',
    { body: (body) => Buffer.from(replacing('charset=UTF-8; ', '')(body.toString('latin1')), 'latin1') },
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

const vihfRows: readonly RefusalRow[] = [
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
    { vihfAfter: replacing('DOMINIQUE', 'CAMILLE') },
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
  [
    'another element in the place of Issuer',
    'vihf/issuer vihf/signature-place',
    'DMPInvalidVIHF',
    vihf('<saml2:Issuer', '<saml2:Advice/><saml2:Issuer'),
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

describe('DMP stand-in: what it refuses, and only for that reason', () => {
  it.each(transportRows)('HTTP, MIME and SOAP: %s', (...row) => expectRefusal(setting, row));
  it.each(vihfRows)('VIHF: %s', (...row) => expectRefusal(setting, row));

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

  it('answers 404 on a service it does not stand for, 405 on GET', async () => {
    const { agent, baseUrl } = setting.target;
    const habilitations = await post(`${baseUrl}/habilitations`, agent, relatedType, Buffer.alloc(0));
    expect(habilitations.status).toBe(404);
    expect((await call('GET', `${baseUrl}/registry`, agent, plainType, Buffer.alloc(0))).status).toBe(405);
  });
});
