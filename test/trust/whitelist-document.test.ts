import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import { parseWhitelist } from '../../plugin/trust/index.ts';
import { buildList, dnOfDomain, newNamespace, oldNamespace } from '../fixtures/trust/whitelist-builder.ts';

const domain = (content: string): string => buildList({ domains: `<Domaine>${content}</Domaine>` });
const dn = (text: string): string => `<DNCertificatOperateur>${text}</DNCertificatOperateur>`;
const refused = (xml: string | Uint8Array) =>
  expect(() => parseWhitelist(xml)).toThrow(expect.objectContaining({ code: 'trust/whitelist-malformed' }));

describe('a whitelist', () => {
  test('of the elements Identifiant, db, vi, Denomination (DB.CS.151)', () => {
    const list = parseWhitelist(buildList({ count: 2 }));
    expect(list).toMatchObject({
      generatedAtUtcMs: Date.parse('2026-03-11T18:06:52Z'),
      versionFormat: '1.0.0',
      warnings: [],
    });
    expect(list.entries).toHaveLength(2);
    expect(list.entries[1]).toMatchObject({
      identifier: '2',
      db: 'db2.exemple.fr',
      vi: 'vi2.exemple.fr',
      name: 'Opérateur 2 & fils',
      operatorNames: [{ text: dnOfDomain(2) }],
      updatedAtUtcMs: Date.parse('2026-01-02T03:04:05Z'),
    });
  });

  test('of the older elements Nom, Description', () => {
    const [entry] = parseWhitelist(buildList({ elements: 'old' })).entries;
    expect(entry).toMatchObject({
      db: 'db1.exemple.fr',
      name: 'Opérateur 1',
      operatorNames: [{ text: dnOfDomain(1) }],
    });
    expect(entry).not.toHaveProperty('identifier');
    expect(entry).not.toHaveProperty('vi');
  });

  test('of either namespace, with either set of elements (decision G6), and of no other', () => {
    for (const namespace of [newNamespace, oldNamespace])
      for (const elements of ['old', 'new'] as const)
        expect(parseWhitelist(buildList({ namespace, elements })).entries).toHaveLength(3);
    refused(buildList({ namespace: 'urn:exemple' }));
    refused(buildList().replace(` xmlns="${newNamespace}"`, ''));
  });

  test('keeps no contact: people are named there', () => {
    expect(JSON.stringify(parseWhitelist(buildList({ elements: 'old' })))).not.toContain('responsable');
    expect(JSON.stringify(parseWhitelist(buildList()))).not.toContain('support');
  });

  test('an entry whose name cannot be read is unusable, with a warning, and spoils no other', () => {
    const list = parseWhitelist(buildList().replace(dnOfDomain(2), 'not a name'));
    expect(list.entries.map(({ operatorNames }) => operatorNames.length)).toEqual([1, 0, 1]);
    expect(list.warnings).toEqual(['entry 2 a certificate name cannot be read: attribute without a type']);
  });

  test('an entry without name or host warns; several names count; vi may be empty; ids may repeat', () => {
    const list = parseWhitelist(domain('<Identifiant>3</Identifiant><vi/>'));
    expect(list.entries).toEqual([{ identifier: '3', name: '', operatorNames: [] }]);
    expect(list.warnings).toEqual(['entry 1 has no db host', 'entry 1 names no certificate']);
    const two = parseWhitelist(domain(`<db>DB1.Exemple.FR</db>${dn('CN=a')}${dn('CN=b')}`));
    expect(two.entries[0]).toMatchObject({ db: 'db1.exemple.fr', operatorNames: [{ text: 'CN=a' }, { text: 'CN=b' }] });
    const repeated = parseWhitelist(buildList().replace('<Identifiant>2<', '<Identifiant>1<'));
    expect(repeated.warnings).toEqual([]);
  });

  test('a certificate name of several entries, an unknown version: warnings', () => {
    const list = parseWhitelist(
      buildList().replace(dnOfDomain(2), dnOfDomain(1).toLowerCase()).replace('"1.0.0"', '"2.0.0"'),
    );
    expect(list.warnings).toEqual(['versionFormat is not 1.0.0', '1 certificate names stand in several entries']);
  });

  test('a child of another namespace is no element of the list', () => {
    const list = parseWhitelist(
      domain(`<x:db xmlns:x="urn:exemple">db9.exemple.fr</x:db><db>db1.exemple.fr</db>${dn('CN=a')}`),
    );
    expect(list.entries[0]).toMatchObject({ db: 'db1.exemple.fr' });
  });

  test('DateDeGeneration has an offset or is UTC; none, two or rubbish are refused', () => {
    const at = (text: string): number => parseWhitelist(buildList({ generatedAt: text })).generatedAtUtcMs;
    expect(at('2026-03-11T18:06:52+02:00')).toBe(Date.parse('2026-03-11T16:06:52Z'));
    expect(at('2026-03-11T18:06:52')).toBe(Date.parse('2026-03-11T18:06:52Z'));
    for (const text of ['', '11/03/2026', '2026-13-11T18:06:52Z', '2026-03-11'])
      refused(buildList({ generatedAt: text }));
    const date = '<DateDeGeneration>2026-03-11T18:06:52Z</DateDeGeneration>';
    refused(buildList().replace(date, ''));
    refused(buildList().replace(date, date + date));
    refused(buildList().replace('</ListeDomaines>', '</ListeDomaines><ListeDomaines/>'));
  });

  test('of a document type, an entity, another encoding, invalid UTF-8 is refused: trust/whitelist-malformed', () => {
    refused(buildList().replace('?>', '?><!DOCTYPE ListeBlancheDRIM-M SYSTEM "file:///etc/hostname">'));
    refused(buildList().replace('?>', '?><!DOCTYPE a [<!ENTITY b "c">]>'));
    refused(Buffer.from(buildList().replace('UTF-8', 'ISO-8859-1'), 'latin1'));
    refused(Buffer.from(buildList(), 'latin1'));
    refused('');
    refused('{"not": "xml"}');
  });

  test('made to take all memory or time is refused before it is parsed', () => {
    const begin = performance.now();
    refused(`<a>${'<a/>'.repeat(4_000_000)}</a>`);
    refused(`<a>${'<a>'.repeat(150_000)}`);
    refused(`<a ${Array.from({ length: 50_000 }, (_, at) => `b${at}=""`).join(' ')}/>`);
    refused(`<a>${'<b c="" d="" e="" f=""/>'.repeat(100_000)}</a>`);
    refused(`<${'a'.repeat(10_000_000)}/>`);
    refused(`<a>${'<!--'.repeat(100_000)}`);
    expect(performance.now() - begin).toBeLessThan(8000);
    expect(parseWhitelist(buildList({ count: 5000 })).entries).toHaveLength(5000);
  });

  test('cut anywhere: refused, never another error', () => {
    const xml = Buffer.from(buildList({ count: 1 }).trimEnd());
    for (let at = 0; at < xml.length; at += 1) refused(xml.subarray(0, at));
  });

  test('of any bytes: never another error than ours', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string({ unit: 'binary' }).map((text) => Buffer.from(`<a>${text}`)),
        ),
        (bytes) => {
          try {
            parseWhitelist(bytes);
          } catch (cause) {
            expect(cause).toBeInstanceOf(DrimboxError);
          }
        },
      ),
    );
  });
});
