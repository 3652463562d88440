/**
 * The DMP stand-in on the official samples: its structural checks accept what a DMP accepted, its signatures checks verify what
 * verifies and refuse what was altered after signing.
 *
 * @see ../shared/data/INDEX.md (skipped without it)
 */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modalities } from '../peers/dmp/code-tables.ts';
import { itemsOfTag, readDicomFile, textOfTag } from '../peers/dmp/dicom-reader.ts';
import { checkDocumentSignature } from '../peers/dmp/document-signature-check.ts';
import { Findings } from '../peers/dmp/findings.ts';
import { createSchemaCheck } from '../peers/dmp/schema-check.ts';
import { readSoapRequest, type SoapMessage } from '../peers/dmp/soap-request.ts';
import { checkSubmission } from '../peers/dmp/submission-check.ts';
import { checkVihf } from '../peers/dmp/vihf-check.ts';
import { verifyEnveloped } from '../peers/dmp/xml-signature.ts';
import { descendantsNamed, namespaces, parseXml } from '../peers/dmp/xml-tree.ts';
import { deleteEntry, getDocuments, submit, testExistence } from '../peers/dmp-client/dmp-test-client.ts';
import { openTestSetting, replacing, type TestSetting } from '../peers/dmp-client/test-setting.ts';

const shared = resolve(import.meta.dirname, '../../../shared');
const isPresent = existsSync(shared);
if (!isPresent) console.warn('official samples absent (../shared): DMP stand-in not tried on them');
const sample = (path: string): Buffer => readFileSync(join(shared, 'data', path));

/** The publication sample was laid out for reading: indented boundaries, LF. Its parts are put back into the form that was sent. */
const publicationRequest = () => {
  const parts: { headers: string[]; lines: string[] }[] = [];
  let inHeaders = false;
  for (const line of sample('xds/publication.mtom.txt.xml').toString().split('\n')) {
    if (line.trim().startsWith('--MIMEBoundary_Bound')) {
      parts.push({ headers: [], lines: [] });
      inHeaders = true;
    } else if (inHeaders && line.trim() === '') inHeaders = false;
    else if (inHeaders) parts.at(-1)?.headers.push(line.trim());
    else parts.at(-1)?.lines.push(line);
  }
  const whole = parts.filter(({ headers }) => headers.length > 0);
  const texts = whole.map(
    ({ headers, lines }) => `--MIMEBoundary_Bound\r\n${headers.join('\r\n')}\r\n\r\n${lines.join('\n').trim()}\r\n`,
  );
  return {
    endpoint: 'repository' as const,
    contentType:
      'multipart/related; boundary="MIMEBoundary_Bound"; type="application/xop+xml"; start="<0.1>"; start-info="application/soap+xml"; action="urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"',
    body: Buffer.from(`${texts.join('')}--MIMEBoundary_Bound--\r\n`),
  };
};

const publicationCertificate = (): X509Certificate => {
  const base64 =
    /<X509Certificate>(MII[^<]*)<\/X509Certificate>/.exec(sample('xds/publication.mtom.txt.xml').toString())?.[1] ?? '';
  return new X509Certificate(Buffer.from(base64, 'base64'));
};

const igcSanteTest = () => ({
  authorities: ['racine-elementaire', 'elementaire-organisations'].map(
    (name) => new X509Certificate(sample(`trust/igc-sante-test-${name}.pem`)),
  ),
  revokedSerials: new Set<string>(),
});

/** When the publication was sent; its certificate was valid then. */
const sentMs = Date.parse('2023-11-14T13:45:00Z');
const maxSkewMs = 300_000;

describe.skipIf(!isPresent)('DMP stand-in on the official publication (ITI-41 that a DMP accepted)', () => {
  const findings = new Findings();
  let message: SoapMessage;
  beforeAll(() => {
    const read = readSoapRequest(publicationRequest(), findings);
    if (read === undefined) throw new Error(JSON.stringify(findings));
    message = read;
  });
  afterAll(() => message.xml.dispose());

  const rulesOf = ({ refused }: Findings): string[] => [...new Set(refused.map(({ rule }) => rule))];

  it('reads its envelope and parts', () => {
    expect(rulesOf(findings)).toEqual([]);
    expect([...message.parts.keys()]).toEqual(['0.3', '0.2']);
  });

  it('finds in its VIHF nothing to refuse but the certificate, which the sample masks', () => {
    const found = new Findings();
    const context = {
      trust: igcSanteTest(),
      nowMs: sentMs,
      maxSkewMs,
      clientCertificate: undefined,
      relatedStructures: {},
    };
    checkVihf(message.xml.root, message.header, context, found);
    expect(rulesOf(found)).toEqual(['vihf/signature-certificate']);
  });

  it('accepts its metadata and its KOS; refuses only what re-indenting the signature document broke', () => {
    const found = new Findings();
    const vihf = {
      ...{ mode: 'INDIRECTE', nameId: '', roles: [], patient: { ins: '162018885045327', oid: '1.2.250.1.213.1.4.10' } },
      ...{ structureId: '499700367909006', signerUnit: '499700367909006', authorStructures: ['499700367909006'] },
    };
    const context = { trust: igcSanteTest(), nowMs: sentMs + 3_600_000, maxSkewMs, strictForm: false };
    checkSubmission(message.content, message.parts, vihf, context, found);
    expect(rulesOf(found)).toEqual(['document/hash', 'document/size', 'xades/signature-value']);
    const tolerated = ['object/child-order', 'slot/unknown', 'code/eventCode-old-scheme', 'kos/creation-time'];
    expect([...new Set(found.tolerated.map(({ rule }) => rule))]).toEqual(tolerated);
  });
});

describe.skipIf(!isPresent)('signature checks of the DMP stand-in on official signatures', () => {
  it('verifies the VIHF of METADATA.xml with the certificate of the publication', () => {
    const certificate = publicationCertificate().raw.toString('base64');
    const xml = parseXml(
      Buffer.from(
        sample('xdm/METADATA.xml')
          .toString()
          .replace(/(<ds:X509Certificate>)[^<]*/, `$1${certificate}`),
      ),
    );
    const [assertion] = descendantsNamed(xml.root, namespaces.saml, 'Assertion');
    expect(assertion === undefined ? '' : verifyEnveloped(xml.root, assertion).subject).toContain('OU=499700367909006');
    xml.dispose();
  });

  const checkSign1 = (text: string): string[] => {
    const found = new Findings();
    const documents = {
      submissionSetUniqueId: '1.2.250.1.999.1.1.8121.4.9618',
      signatureUniqueId: '2.25.253369134637024241866147844597094467874',
      kosUniqueId: '1.3.2.751468943.3.1234.99352.240116151112.1.1.1',
      kos: sample('kos/xdm_KOS_1_1.dcm'),
      signerUnit: '499700367909006',
    };
    const certificate = publicationCertificate().raw.toString('base64');
    const whole = text.replace('XXXXXXXXX', certificate);
    checkDocumentSignature(
      Buffer.from(whole),
      documents,
      { trust: igcSanteTest(), nowMs: Date.parse('2024-01-17T00:00:00Z'), maxSkewMs },
      found,
    );
    return found.refused.map(({ rule }) => rule);
  };

  it('verifies SIGN_1.xml whole: value, references, KOS digest, certificate digest, chain of the real test authority', () => {
    expect(checkSign1(sample('xdm/SIGN_1.xml').toString())).toEqual([]);
  });

  it('refuses SIGN_1.xml with one character changed', () => {
    expect(
      checkSign1(replacing('2024-01-16T15:11:13', '2024-01-16T15:11:14')(sample('xdm/SIGN_1.xml').toString())),
    ).toEqual(['xades/signature-digest']);
  });

  it('verifies the digests and value of TD2.1-SignatureXades.xml; what it signs is another submission', () => {
    const found = new Findings();
    const documents = {
      submissionSetUniqueId: '1',
      signatureUniqueId: '2',
      kosUniqueId: '3',
      kos: Buffer.alloc(0),
      signerUnit: '',
    };
    const context = { trust: igcSanteTest(), nowMs: Date.parse('2019-04-05T00:00:00Z'), maxSkewMs };
    checkDocumentSignature(sample('dmp/TD2.1-SignatureXades.xml'), documents, context, found);
    const rules = found.refused.map(({ rule }) => rule);
    expect(rules).not.toContain('xades/signature-value');
    expect(rules).not.toContain('xades/signature-digest');
    expect(rules).toContain('xades/manifest-references');
  });

  it.each([
    ['dmp/VIHF_INDIRECTE-signe.xml', 'its text was re-encoded after signing', 'a reference digest does not match'],
    ['dmp/VIHF_DIRECTE-signe.xml', 'it is ISO 8859-1 and does not say so', 'not UTF-8'],
  ])('refuses %s: %s', (path, _why, message) => {
    const verify = (): void => {
      const xml = parseXml(sample(path));
      verifyEnveloped(xml.root, xml.root);
    };
    expect(verify).toThrow(message);
  });
});

describe.skipIf(!isPresent)('tables and readers of the DMP stand-in against official material', () => {
  it('knows every modality of JDV_ModaliteAcquisition', () => {
    const codes = [
      ...sample('valuesets/JDV_ModaliteAcquisition_CISIS.xml')
        .toString()
        .matchAll(/<\w*:?Concept [^>]*code="([^"]+)"/g),
    ];
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.map(([, code]) => code).filter((code) => !modalities.has(code ?? ''))).toEqual([]);
  });

  it.each(['kos/ko.dcm', 'kos/xdm_KOS_1_1.dcm'])('reads %s', (path) => {
    const { dataset } = readDicomFile(sample(path));
    expect(textOfTag(dataset, '00080016')).toBe('1.2.840.10008.5.1.4.1.1.88.59');
    expect(textOfTag(itemsOfTag(dataset, '0040A043')[0], '00080100')).toBe('113030');
  });
});

describe.skipIf(!isPresent)('DMP stand-in with the XSD of the DMP (C9)', () => {
  let setting: TestSetting;
  beforeAll(async () => {
    setting = await openTestSetting({ schemaFolder: join(shared, 'schemas/dmp/schema') });
  }, 60_000);
  afterAll(() => setting.close());

  it('finds them by itself when the project lies beside ../shared', () => {
    expect(createSchemaCheck(join(shared, 'schemas/dmp/schema')).isAvailable).toBe(true);
    expect(createSchemaCheck('/nowhere').isAvailable).toBe(false);
  });

  it('takes every transaction of the test client: its requests are valid', async () => {
    const facts = setting.newFacts();
    await submit(facts, setting.target);
    await getDocuments(facts.kosUniqueId, facts, setting.target);
    await testExistence(facts, setting.target);
    const entryUuid = setting.standIn.entries()[0]?.entryUuid ?? '';
    await deleteEntry(entryUuid, setting.newFacts(), setting.target);
    expect(setting.standIn.log().map(({ outcome }) => outcome)).toEqual([
      'accepted',
      'accepted',
      'accepted',
      'accepted',
    ]);
  });

  it.each([
    ['an attribute out of the schema', replacing('<RegistryPackage ', '<RegistryPackage autre="x" ')],
    ['an element out of the schema', replacing('</RegistryObjectList>', '</RegistryObjectList><Autre/>')],
  ])('refuses %s, which no structural check sees', async (_name, content) => {
    await submit(setting.newFacts(), setting.target, { content });
    expect(setting.lastLine().rules).toEqual(['schema/invalid']);
  });
});
