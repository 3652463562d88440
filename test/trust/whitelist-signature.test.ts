import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asDrimboxError, DrimboxError } from '../../plugin/errors.ts';
import { type RevocationStatus, verifyWhitelist } from '../../plugin/trust/index.ts';
import {
  makeWhitelistAuthority,
  nowUtcMs,
  signerValidity,
  type WhitelistAuthority,
} from '../fixtures/trust/whitelist-authority.ts';
import {
  buildList,
  ds,
  exclusive,
  filterTransform,
  type ListOrder,
  type SignOrder,
  signList,
  subtractXpath,
  transform,
} from '../fixtures/trust/whitelist-builder.ts';

let ca: WhitelistAuthority;
beforeAll(async () => {
  ca = await makeWhitelistAuthority();
}, 60_000);
afterAll(() => ca.remove());

const verify = (xml: string | Uint8Array, atUtcMs = nowUtcMs) => verifyWhitelist(Buffer.from(xml), ca.trust, atUtcMs);

const refusal = (xml: string | Uint8Array, atUtcMs = nowUtcMs): Promise<string> =>
  verify(xml, atUtcMs).then(
    () => 'accepted',
    (cause: unknown) => asDrimboxError(cause).code,
  );

const signed = (order: SignOrder = {}, list: ListOrder = {}): string =>
  signList(buildList(list), ca.signers.good, order);

/** xmlsec1 on the same file: 0 when it verifies. */
const judge = async (xml: string): Promise<number> => {
  const file = join(ca.folder, 'judged.xml');
  await writeFile(file, xml);
  const words = [
    '--verify',
    '--pubkey-cert-pem',
    ca.signers.good.certificateFile,
    '--id-attr:Id',
    'SignedProperties',
    file,
  ];
  return new Promise((resolve) => {
    execFile('xmlsec1', words, (failure) => resolve(failure === null ? 0 : 1));
  });
};

describe('a signed whitelist (DB.CS.148)', () => {
  test.each([
    ['A', 'new'],
    ['A', 'old'],
    ['B', 'new'],
    ['B', 'old'],
  ] as const)('of shape %s with the %s elements is accepted, and xmlsec1 agrees', async (shape, elements) => {
    const xml = signed({ shape }, { elements });
    expect(await judge(xml)).toBe(0);
    const { list, signer, signedAtUtcMs, revocation } = await verify(xml);
    expect(list.entries.map((entry) => entry.db)).toEqual(['db1.exemple.fr', 'db2.exemple.fr', 'db3.exemple.fr']);
    expect(list.generatedAtUtcMs).toBe(Date.parse('2026-03-11T18:06:52Z'));
    expect(signer.subject).toBe('CN=Liste Blanche EXEMPLE,OU=319999999900020,O=AGENCE EXEMPLE,ST=Paris (75),C=FR');
    expect(signer.notAfterUtcMs).toBe(signerValidity.notAfterUtcMs);
    expect(signedAtUtcMs).toBe(Date.parse('2026-03-11T18:10:00Z'));
    expect(revocation).toEqual({ kind: 'not-checked' });
  });

  test('may use SHA-512, and carry its whole chain before the signer’s certificate', async () => {
    const order: SignOrder = {
      signatureUri: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
      hash: 'sha512',
      digestUri: 'http://www.w3.org/2001/04/xmlenc#sha512',
      digestHash: 'sha512',
      certificateDigestUri: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
      certificateDigestHash: 'sha384',
      certificatesBefore: [ca.intermediate],
    };
    expect(await refusal(signed(order))).toBe('accepted');
  });

  test('may be signed by the next certificate of the same name (never the certificate is pinned)', async () => {
    expect(await refusal(signList(buildList(), ca.signers.next))).toBe('accepted');
  });

  test('may have comments, which are not signed, without their changing a value', async () => {
    const xml = signed().replace('db1.exemple.fr</db>', 'db1.<!-- x -->exemple.fr</db>');
    expect(await judge(xml)).toBe(0);
    expect((await verify(xml)).list.entries[0]?.db).toBe('db1.exemple.fr');
    const cut = signed().replace('<vi>vi1.exemple.fr', '<vi><!-- a --></vi><vi>vi1.exemple.fr');
    expect(await refusal(cut)).toBe('trust/whitelist-signature-invalid');
  });
});

describe('its signature is refused', () => {
  test('when there is none: trust/whitelist-unsigned (DB.CS.148)', async () => {
    expect(await refusal(buildList())).toBe('trust/whitelist-unsigned');
    const otherNamespace = signed().replaceAll(ds, 'http://www.w3.org/2000/09/xmldsig2#');
    expect(await refusal(otherNamespace)).toBe('trust/whitelist-unsigned');
  });

  test('when a value of the list has changed: trust/whitelist-signature-invalid', async () => {
    for (const shape of ['A', 'B'] as const) {
      const xml = signed({ shape });
      for (const changed of [
        xml.replace('db2.exemple.fr</db>', 'db9.exemple.fr</db>'),
        xml.replace('2026-03-11T18:06:52Z', '2027-03-11T18:06:52Z'),
        xml.replace('versionFormat="1.0.0"', 'versionFormat="1.0.1"'),
        xml.replace('</ListeDomaines>', '<Domaine><db>db9.exemple.fr</db></Domaine></ListeDomaines>'),
        xml.replace('SigningTime>2026', 'SigningTime>2025'),
      ]) {
        expect(changed).not.toBe(xml);
        expect(await judge(changed)).toBe(1);
        expect(await refusal(changed)).toBe('trust/whitelist-signature-invalid');
      }
    }
  });

  test('when its value has changed, or is another’s: trust/whitelist-signature-invalid', async () => {
    const value = /SignatureValue>([^<]+)</;
    const other = value.exec(signed({}, { count: 2 }))?.[1] ?? '';
    const swapped = signed().replace(value, `SignatureValue>${other}<`);
    expect(await refusal(swapped)).toBe('trust/whitelist-signature-invalid');
    expect(await refusal(signed().replace(value, 'SignatureValue><'))).toBe('trust/whitelist-signature-invalid');
  });

  test.each([
    ['SHA-1 signature', { signatureUri: `${ds}rsa-sha1`, hash: 'sha1' }],
    ['HMAC', { signatureUri: 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256' }],
    ['SHA-1 digest', { digestUri: `${ds}sha1`, digestHash: 'sha1' }],
    ['SHA-1 digest of the certificate', { certificateDigestUri: `${ds}sha1`, certificateDigestHash: 'sha1' }],
    ['RSA key with an ECDSA method', { signatureUri: 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256' }],
    ['another canonical form', { canonicalization: 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315' }],
    ['a method of every object', { signatureUri: 'constructor' }],
  ] satisfies readonly (readonly [string, SignOrder])[])(
    'for %s: trust/whitelist-algorithm-refused',
    async (_, order) => {
      expect(await refusal(signed(order))).toBe('trust/whitelist-algorithm-refused');
    },
  );

  test('when an algorithm has parameters, such as a prefix list or an HMAC length', async () => {
    const xml = signed().replace(
      /(<ds:CanonicalizationMethod [^>]*>)/,
      `$1<ec:InclusiveNamespaces xmlns:ec="${exclusive}" PrefixList="ds"/>`,
    );
    expect(await refusal(xml)).toBe('trust/whitelist-algorithm-refused');
  });

  const tail = transform(exclusive);
  const commentsTail = transform(`${exclusive}WithComments`);
  const evilNamespace = subtractXpath().replace('Filter=', 'xmlns:ds="urn:exemple" Filter=');
  test.each([
    ['filter union', filterTransform(subtractXpath(undefined, 'union')) + tail],
    ['filter intersect', filterTransform(subtractXpath(undefined, 'intersect')) + tail],
    ['another XPath', filterTransform(subtractXpath('/descendant::ds:Signature | /descendant::*[1]')) + tail],
    ['XPath //ds:Signature', filterTransform(subtractXpath('//ds:Signature')) + tail],
    ['two XPaths', filterTransform(subtractXpath() + subtractXpath()) + tail],
    ['an XPath whose prefix means something else', filterTransform(evilNamespace) + tail],
    ['an XPath with a prefix that nothing declares', filterTransform(subtractXpath('/descendant::z:Signature')) + tail],
    [
      'an XPath of no namespace',
      filterTransform('<XPath xmlns="" Filter="subtract">/descendant::ds:Signature</XPath>') + tail,
    ],
    ['canonical form with comments', filterTransform() + commentsTail],
    ['no canonical form', filterTransform()],
    ['canonical form first', tail + filterTransform()],
    ['one transform more', filterTransform() + tail + tail],
    ['nothing taken out', tail],
    ['an XPath filter 1.0', transform('http://www.w3.org/TR/1999/REC-xpath-19991116', '<ds:XPath>1</ds:XPath>') + tail],
    ['XSLT', transform('http://www.w3.org/TR/1999/REC-xslt-19991116') + tail],
    ['base64', transform(`${ds}base64`) + tail],
  ])('for %s: trust/whitelist-signature-shape', async (_, documentTransforms) => {
    expect(await refusal(signed({ documentTransforms }))).toBe('trust/whitelist-signature-shape');
  });

  test('for references to anything else: trust/whitelist-signature-shape', async () => {
    const more = /<ds:Reference Id="r-1".*?<\/ds:Reference>/s.exec(signed())?.[0] ?? '';
    for (const order of [
      { documentUri: '#sig-1' },
      { documentUri: '#xpointer(/)' },
      { documentUri: 'http://127.0.0.1/liste.xml' },
      { moreReferences: more },
      { withoutProperties: true },
    ] satisfies SignOrder[]) {
      expect(await refusal(signed(order))).toBe('trust/whitelist-signature-shape');
    }
    expect(await refusal(signed().replace(' URI=""', ''))).toBe('trust/whitelist-signature-shape');
  });
});

describe('signature wrapping', () => {
  const signatureOf = (xml: string): string => /<ds:Signature .*<\/ds:Signature>/s.exec(xml)?.[0] ?? '';

  test('a second signature, wherever it stands, is refused', async () => {
    const xml = signed();
    const signature = signatureOf(xml);
    expect(signature).not.toBe('');
    for (const doubled of [
      xml.replace(signature, signature + signature),
      xml.replace('<ListeDomaines>', `<ListeDomaines>${signature}`),
      xml.replace('</ds:Object>', `${signature}</ds:Object>`),
      xml.replace('</ds:Signature>', `<ds:Signature xmlns:ds="${ds}"/></ds:Signature>`),
    ]) {
      expect(await refusal(doubled)).toBe('trust/whitelist-signature-shape');
    }
  });

  test('a signature that is not a child of the root is refused', async () => {
    const xml = signed();
    const signature = signatureOf(xml);
    const bare = xml.replace(signature, '');
    expect(await refusal(bare.replace('</ListeDomaines>', `${signature}</ListeDomaines>`))).toBe(
      'trust/whitelist-signature-shape',
    );
    expect(
      await refusal(
        bare.replace(/(<\/?)ListeBlancheDRIM-M/g, '$1Autre').replace('</Autre>', `<x>${signature}</x></Autre>`),
      ),
    ).toBe('trust/whitelist-signature-shape');
    expect(await refusal(signature)).toBe('trust/whitelist-signature-shape');
  });

  test('the signed list moved under a root of the attacker is refused', async () => {
    const xml = signed().replace(/^<\?xml.*\?>\n/, '');
    const evil = buildList({ count: 1, generatedAt: '2027-01-01T00:00:00Z' });
    const end = evil.lastIndexOf('</');
    const signature = signatureOf(xml);
    expect(await refusal(`${evil.slice(0, end)}${xml}${evil.slice(end)}`)).toBe('trust/whitelist-signature-shape');
    const inObject = signature.replace(
      '</ds:Object>',
      `</ds:Object><ds:Object>${xml.replace(signature, '')}</ds:Object>`,
    );
    expect(await refusal(`${evil.slice(0, end)}${inObject}${evil.slice(end)}`)).toBe('trust/whitelist-signature-shape');
  });

  test('two elements of the signed id, and properties elsewhere or of another signature, are refused', async () => {
    const xml = signed();
    for (const forged of [
      xml.replace('<ListeDomaines>', '<ListeDomaines Id="xades-1">'),
      xml.replace('<ListeDomaines>', '<ListeDomaines id="xades-1">'),
      xml.replace('Target="#sig-1"', 'Target="#sig-2"'),
      xml.replace('<xades:QualifyingProperties', '<xades:Other/><xades:QualifyingProperties'),
      xml.replaceAll('http://uri.etsi.org/01903/v1.3.2#', 'http://uri.etsi.org/01903/v9.3.2#'),
    ]) {
      expect(forged).not.toBe(xml);
      expect(await refusal(forged)).toMatch(/^trust\/whitelist-(signature-shape|malformed)$/);
    }
  });

  test('a document type, an entity, a processing instruction, another encoding are refused', async () => {
    const xml = signed();
    const head = '<?xml version="1.0" encoding="UTF-8"?>';
    for (const forged of [
      xml.replace(head, `${head}<!DOCTYPE x [<!ENTITY e "db9">]>`),
      xml.replace('db1.exemple.fr</db>', 'db1.<?x y?>exemple.fr</db>'),
      xml.replace(head, `${head}<?xml-stylesheet href="x"?>`),
      xml.replace('UTF-8', 'UTF-7'),
      `${xml}<x/>`,
      xml.slice(0, -5),
      `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
      '',
    ]) {
      expect(await refusal(forged)).toBe('trust/whitelist-malformed');
    }
  });

  test('a byte changed anywhere: refused, or the very same list', async () => {
    for (const shape of ['A', 'B'] as const) {
      const xml = Buffer.from(signed({ shape }));
      const { list } = await verify(xml);
      const change = fc.tuple(fc.nat({ max: xml.length - 1 }), fc.integer({ min: 1, max: 255 }));
      await fc.assert(
        fc.asyncProperty(change, async ([at, mask]) => {
          const changed = Buffer.from(xml);
          changed[at] = (changed[at] ?? 0) ^ mask;
          try {
            expect((await verify(changed)).list).toEqual(list);
          } catch (cause) {
            if (!(cause instanceof DrimboxError)) throw cause;
            expect(cause.code).toMatch(/^trust\//);
          }
        }),
        { numRuns: 150 },
      );
    }
  });
});

describe('its signer is refused', () => {
  test('when its name is another: trust/whitelist-signer-unknown', async () => {
    expect(await refusal(signList(buildList(), ca.signers.otherName))).toBe('trust/whitelist-signer-unknown');
  });

  test('when the root issued it instead of the pinned authority: trust/whitelist-signer-unknown', async () => {
    expect(await refusal(signList(buildList(), ca.signers.underRoot))).toBe('trust/whitelist-signer-unknown');
  });

  test('when an authority of the same names issued it: trust/whitelist-signer-untrusted', async () => {
    expect(await refusal(signList(buildList(), ca.signers.rogue))).toBe('trust/whitelist-signer-untrusted');
  });

  test('when an authority is missing, or no root is known: trust/whitelist-signer-untrusted', async () => {
    const xml = Buffer.from(signed());
    for (const authorities of [[], ca.trust.authorities.slice(0, 1), ca.trust.authorities.slice(1)]) {
      const trust = { ...ca.trust, authorities };
      await expect(verifyWhitelist(xml, trust, nowUtcMs)).rejects.toMatchObject({
        code: 'trust/whitelist-signer-untrusted',
      });
    }
  });

  test('when its certificate, or an authority’s, is not valid at that moment: trust/whitelist-signer-expired', async () => {
    expect(await refusal(signList(buildList(), ca.signers.expired))).toBe('trust/whitelist-signer-expired');
    expect(await refusal(signList(buildList(), ca.signers.early))).toBe('trust/whitelist-signer-expired');
    expect(await refusal(signed(), signerValidity.notAfterUtcMs)).toBe('accepted');
    expect(await refusal(signed(), signerValidity.notAfterUtcMs + 1000)).toBe('trust/whitelist-signer-expired');
    expect(await refusal(signed(), signerValidity.notBeforeUtcMs - 1000)).toBe('trust/whitelist-signer-expired');
    expect(await refusal(signed(), nowUtcMs + 2000 * 86_400_000)).toBe('trust/whitelist-signer-expired');
  });

  test('when its certificate is for TLS clients: trust/whitelist-signer-purpose', async () => {
    expect(await refusal(signList(buildList(), ca.signers.clientOnly))).toBe('trust/whitelist-signer-purpose');
  });

  test('when it declared another certificate: trust/whitelist-signature-invalid', async () => {
    expect(await refusal(signed({ declared: ca.signers.next }))).toBe('trust/whitelist-signature-invalid');
  });

  test('when it is revoked, or nobody can tell: trust/whitelist-signer-revoked, trust/whitelist-revocation-unknown', async () => {
    const ask = (status: RevocationStatus) => {
      const check = () => Promise.resolve(status);
      return verifyWhitelist(Buffer.from(signed()), { ...ca.trust, revocation: { check } }, nowUtcMs);
    };
    await expect(ask({ kind: 'revoked', detail: 'x' })).rejects.toMatchObject({
      code: 'trust/whitelist-signer-revoked',
    });
    await expect(ask({ kind: 'unknown', detail: 'x' })).rejects.toMatchObject({
      code: 'trust/whitelist-revocation-unknown',
    });
    expect((await ask({ kind: 'good', source: 'crl' })).revocation).toEqual({ kind: 'good', source: 'crl' });
  });

  test('without its being asked about before its chain is known: signer, authority, root', async () => {
    let asked: readonly string[] = [];
    const revocation = {
      check: (chain: readonly { subject: string }[]) => {
        asked = chain.map(({ subject }) => subject.split('\n').at(-1) ?? '');
        return Promise.resolve({ kind: 'good' as const, source: 'x' });
      },
    };
    await verifyWhitelist(Buffer.from(signed()), { ...ca.trust, revocation }, nowUtcMs);
    expect(asked).toEqual([
      'CN=Liste Blanche EXEMPLE',
      'CN=EXEMPLE AC IGC-SANTE ELEMENTAIRE ORGANISATIONS',
      'CN=EXEMPLE AC RACINE IGC-SANTE ELEMENTAIRE',
    ]);
  });
});
