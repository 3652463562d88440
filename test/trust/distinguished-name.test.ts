import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { decodeObjectIdentifier } from '../../plugin/trust/der-element.ts';
import {
  type DistinguishedName,
  distinguishedNameKey,
  distinguishedNameOf,
  formatDistinguishedName,
  issuerNameOf,
  parseDistinguishedName,
} from '../../plugin/trust/index.ts';

const key = (text: string): string => distinguishedNameKey(parseDistinguishedName(text));
const usual = "CN=db1.exemple.fr,OU=310000000000001,O=OPERATEUR EXEMPLE,ST=Côte-d'Or (21),C=FR";

describe('two ways of writing one name (facts/spec.md b.9)', () => {
  test.each([
    [
      'spaces around = and after commas',
      "CN = db1.exemple.fr, OU = 310000000000001 , O = OPERATEUR EXEMPLE, ST = Côte-d'Or (21), C = FR ",
    ],
    [
      'types in another case, or by number',
      "cn=db1.exemple.fr,2.5.4.11=310000000000001,OID.2.5.4.10=OPERATEUR EXEMPLE,S=Côte-d'Or (21),c=FR",
    ],
    [
      'values in another case',
      "CN=DB1.exemple.FR,OU=310000000000001,O=opérateur exemple,ST=CÔTE-D'OR (21),C=fr".replace('é', 'e'),
    ],
    ['spaces run together', "CN=db1.exemple.fr,OU=310000000000001,O=OPERATEUR   EXEMPLE,ST=Côte-d'Or\t(21),C=FR"],
    ['an accent apart from its letter', usual.normalize('NFD')],
    ['escaped bytes', "CN=db1.exemple.fr,OU=310000000000001,O=OPERATEUR\\20EXEMPLE,ST=C\\C3\\B4te-d'Or \\2821),C=FR"],
    ['quotes', `CN="db1.exemple.fr",OU="310000000000001" ,O="OPERATEUR EXEMPLE",ST="Côte-d'Or (21)",C=FR`],
    [
      'DER in hexadecimal',
      "CN=#0c0e6462312e6578656d706c652e6672,OU=310000000000001,O=OPERATEUR EXEMPLE,ST=Côte-d'Or (21),C=#13024652",
    ],
  ])('is one key: %s', (_, text) => {
    expect(key(text)).toBe(key(usual));
  });

  test.each([
    ['an accent less', usual.replace('ô', 'o')],
    ['another order', "OU=310000000000001,CN=db1.exemple.fr,O=OPERATEUR EXEMPLE,ST=Côte-d'Or (21),C=FR"],
    ['a part less', usual.replace(',C=FR', '')],
    ['a part twice', `${usual},C=FR`],
    ['two parts made one', usual.replace(',OU=', '+OU=')],
    ['another type for a value', usual.replace('OU=', 'L=')],
    [
      'one value that reads as two parts',
      String.raw`CN=db1.exemple.fr\,OU\=310000000000001,O=OPERATEUR EXEMPLE,ST=Côte-d'Or (21),C=FR`,
    ],
    ['a NUL in a value', usual.replace('.fr,', '.fr\\00,')],
    ['text that looks like hexadecimal', usual.replace('C=FR', 'C=\\#13024652')],
  ])('is another name: %s', (_, text) => {
    expect(key(text)).not.toBe(key(usual));
  });

  test('parts of several attributes are sets: their order does not count', () => {
    expect(key('CN=a+OU=b,C=FR')).toBe(key('OU=b + CN=a,C=FR'));
    expect(key('CN=a+OU=b,C=FR')).not.toBe(key('CN=b+OU=a,C=FR'));
  });
});

describe('a name that cannot be read is trust/dn-invalid', () => {
  test.each([
    '',
    ' ',
    'CN',
    '=a',
    'CN=a,',
    'CN=a,,C=FR',
    '+CN=a',
    'CN=a;C=FR',
    'CN=a"b',
    'CN="a',
    'CN="a"b',
    'CN=a<b',
    'FOO=a',
    'CN=\\C3',
    'CN=\\',
    'CN=\\zz',
    '1=a',
    'C N=a',
    'CN=#13',
    'CN=#1302465',
    'CN=#130246520a',
    'CN=#0c01ff',
  ])('%j', (text) => {
    expect(() => parseDistinguishedName(text)).toThrow(expect.objectContaining({ code: 'trust/dn-invalid' }));
  });

  test('of more than 4,096 characters or 64 attributes', () => {
    const refused = (text: string) =>
      expect(() => parseDistinguishedName(text)).toThrow(expect.objectContaining({ code: 'trust/dn-invalid' }));
    expect(parseDistinguishedName(`CN=${'a'.repeat(4093)}`)).toHaveLength(1);
    refused(`CN=${'a'.repeat(4094)}`);
    expect(parseDistinguishedName(Array.from({ length: 64 }, () => 'C=F').join())).toHaveLength(64);
    refused(Array.from({ length: 65 }, () => 'C=F').join());
  });

  test('whatever it is made of: never another error, never a hang', () => {
    const piece = fc.constantFrom(
      'CN',
      'OU',
      '=',
      ',',
      '+',
      '"',
      '\\',
      '#',
      '0c',
      ' ',
      ';',
      'é',
      '\u0000',
      '2.5.4.3',
      'a',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.array(piece).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          expect(parseDistinguishedName(given).length).toBeGreaterThan(0);
        } catch (cause) {
          expect(cause).toBeInstanceOf(DrimboxError);
        }
      }),
    );
  });

  test('text made of any values reads back as the same name', () => {
    const value = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    const attribute = fc.record({ type: fc.constantFrom('2.5.4.3', '2.5.4.11', '1.2.3.4'), value });
    const name: fc.Arbitrary<DistinguishedName> = fc.array(fc.array(attribute, { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(name, (given) => {
        expect(key(formatDistinguishedName(given))).toBe(distinguishedNameKey(given));
      }),
    );
  });
});

describe('the name in a certificate, whatever types hold it', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drimbox-dn-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const openssl = (...words: readonly string[]): void => {
    execFileSync('openssl', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  };

  /** Self-signed; `mask` chooses the string type of each value. */
  const issue = async (subject: string, mask: string, more: readonly string[] = []): Promise<X509Certificate> => {
    const path = (name: string): string => join(folder, name);
    await writeFile(path('cnf'), `[req]\ndistinguished_name=dn\nstring_mask=${mask}\n[dn]\n`);
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-utf8',
      '-config',
      path('cnf'),
      '-keyout',
      path('key'),
      '-subj',
      subject,
      '-out',
      path('crt'),
      ...more,
    );
    return new X509Certificate(await readFile(path('crt')));
  };
  const subject = "/C=FR/ST=Côte-d'Or (21)/O=OPERATEUR EXEMPLE/OU=310000000000001/CN=db1.exemple.fr";

  test.each(['utf8only', 'default', 'nombstr', 'MASK:0x800'])(
    'string mask %s: the same key as the text of the list',
    async (mask) => {
      const certificate = await issue(subject, mask);
      expect(distinguishedNameKey(distinguishedNameOf(certificate))).toBe(key(usual));
      expect(distinguishedNameKey(issuerNameOf(certificate))).toBe(key(usual));
      expect(formatDistinguishedName(distinguishedNameOf(certificate))).toBe(usual);
    },
  );

  test('several attributes in one part, commas and quotes in values', async () => {
    const certificate = await issue('/C=FR/O=A, "B" C/OU=1+CN=x', 'utf8only', ['-multivalue-rdn']);
    const name = distinguishedNameOf(certificate);
    expect(distinguishedNameKey(name)).toBe(key(String.raw`CN=x+OU=1,O=A\, \"B\" C,C=FR`));
    expect(formatDistinguishedName(name)).toBe(String.raw`CN=x+OU=1,O=A\, \"B\" C,C=FR`);
  });

  test('with a type as long as a handshake allows is refused at once: names of strangers are read for the audit', () => {
    const type = new Uint8Array(400_000).fill(0xff);
    const startedAtMs = performance.now();
    expect(() => decodeObjectIdentifier(type)).toThrow(expect.objectContaining({ code: 'trust/dn-invalid' }));
    // It took half a minute.
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });

  test('without any part: trust/dn-invalid', async () => {
    const certificate = await issue('/', 'utf8only');
    expect(() => distinguishedNameOf(certificate)).toThrow(expect.objectContaining({ code: 'trust/dn-invalid' }));
  });
});
