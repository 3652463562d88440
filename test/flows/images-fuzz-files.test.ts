/**
 * Whatever becomes of the files in Orthanc's storage, which the service reads directly: the images that are whole come whole,
 * nothing comes under a wrong name, and the service goes on.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { explicitSyntax } from '../fixtures/wado/accept-oracle.ts';
import { anySyntax, bounded, type HostileSite, partsOf, startHostileSite } from '../fixtures/wado/hostile-site.ts';
import { imageKindNames, type ImageKindName, type KnownInstance } from '../fixtures/wado/image-kinds.ts';
import type { RawAnswer } from '../fixtures/wado/read-answers.ts';
import { damageFile, type StoredDamage, storedDamage } from '../fixtures/wado/stored-damage.ts';
import { isSiteHere } from './flow-site.ts';

const acceptOf = (uid: string): string => `multipart/related; type="application/dicom"; transfer-syntax=${uid}`;

const ways = {
  stored: anySyntax,
  explicit: acceptOf(explicitSyntax),
  'JPEG lossless': acceptOf('1.2.840.10008.1.2.4.70'),
  'JPEG-LS': acceptOf('1.2.840.10008.1.2.4.80'),
  'JPEG 2000': acceptOf('1.2.840.10008.1.2.4.90'),
  metadata: 'application/dicom+json',
} as const;
type Way = keyof typeof ways;
const wayNames = Object.keys(ways) as readonly Way[];
const imageWays = wayNames.filter((way) => way !== 'metadata');

describe.skipIf(!isSiteHere)('hostile stored files', () => {
  let site: HostileSite;

  beforeAll(async () => {
    site = await startHostileSite(imageKindNames);
  });
  beforeEach(() => site.renewToken());
  afterAll(() => site.stop());

  /** Where Orthanc keeps the file of each instance. */
  const findPlaces = async (): Promise<ReadonlyMap<string, string>> => {
    const { flow } = site;
    const places = new Map<string, string>();
    for (const { sopInstanceUid } of site.study.instances) {
      const [id] = await flow.findInOrthanc('Instance', sopInstanceUid);
      const { FileUuid: uuid } = await flow.orthanc.getJson<{ FileUuid: string }>(`/instances/${id}`);
      places.set(sopInstanceUid, join(flow.orthanc.folder, 'storage', uuid.slice(0, 2), uuid.slice(2, 4), uuid));
    }
    return places;
  };

  const lostIn = ({ headers, trailers }: RawAnswer): number => {
    const warning = trailers.get('warning') ?? headers.get('warning') ?? '';
    return Number(/^299 - "(\d+) of \d+ instances are not in this answer"$/.exec(warning)?.[1] ?? 0);
  };
  const sopInstancesIn = (body: Buffer): readonly string[] =>
    (JSON.parse(body.toString()) as Record<string, { Value?: string[] }>[]).map(
      (one) => one['00080018']?.Value?.[0] ?? '',
    );

  /** Every image, in every way, as long as nothing is damaged. */
  const fetchClean = async (): Promise<ReadonlyMap<string, Buffer>> => {
    const clean = new Map<string, Buffer>();
    for (const way of imageWays) {
      const answer = await site.client.ask({ target: site.study.path, headers: site.headersOf(ways[way]) });
      expect(answer?.status).toBe(200);
      const parts = answer === undefined ? [] : partsOf(answer);
      for (const { sopInstanceUid, bytes } of parts) clean.set(`${way} ${sopInstanceUid}`, bytes);
    }
    return clean;
  };

  /** Of a series with one damaged file: what came is of this series, in order, each once; the others came, unchanged. */
  const expectOthersWhole = (
    answer: RawAnswer | undefined,
    { victim, way }: { readonly victim: KnownInstance; readonly way: Way },
    clean: ReadonlyMap<string, Buffer>,
  ): void => {
    const asked = site.ofKind(victim.kind as ImageKindName).map((one) => one.sopInstanceUid);
    if (answer === undefined || answer.status >= 400) {
      // Nothing else was asked for.
      expect(asked).toEqual([victim.sopInstanceUid]);
      return;
    }
    const parts = way === 'metadata' ? [] : partsOf(answer);
    const uids = way === 'metadata' ? sopInstancesIn(answer.body) : parts.map((part) => part.sopInstanceUid);
    const others = asked.filter((uid) => uid !== victim.sopInstanceUid);
    expect(uids).toEqual(asked.filter((uid) => uids.includes(uid)));
    expect(uids).toEqual(expect.arrayContaining(others));
    if (way === 'metadata') return;
    expect(lostIn(answer)).toBe(asked.length - uids.length);
    for (const { sopInstanceUid, bytes } of parts.filter((part) => others.includes(part.sopInstanceUid))) {
      expect(bytes.equals(clean.get(`${way} ${sopInstanceUid}`) ?? Buffer.alloc(0))).toBe(true);
    }
  };

  it('whatever becomes of a stored file, the others come whole, and nothing under a wrong name (E1)', async () => {
    const places = await findPlaces();
    const clean = await fetchClean();
    const other = Buffer.from(site.ofKind('jpeg-ls ct')[1]?.bytes ?? []);
    const outcomes = new Set<string>();
    const attempt = async (victim: KnownInstance, damage: StoredDamage, way: Way): Promise<void> => {
      const target = `${site.seriesPath(victim.kind as ImageKindName)}${way === 'metadata' ? '/metadata' : ''}`;
      const answer = await site.client.ask({ target, headers: site.headersOf(ways[way]) }, { isAboutBroken: true });
      expectOthersWhole(answer, { victim, way }, clean);
      const isThere = answer !== undefined && answer.status < 300 && lostIn(answer) === 0;
      outcomes.add(`${damage.kind}: ${isThere ? 'there' : 'lost'}`);
    };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...places.keys()),
        storedDamage,
        fc.constantFrom(...wayNames),
        bounded(async (uid, damage, way) => {
          const file = places.get(uid) ?? '';
          const original = readFileSync(file);
          const victim = site.study.instances.find((one) => one.sopInstanceUid === uid);
          if (victim === undefined) throw new Error('an unknown instance');
          try {
            writeFileSync(file, damageFile(original, damage, other));
            await attempt(victim, damage, way);
          } finally {
            writeFileSync(file, original);
          }
        }),
      ),
      { numRuns: 300 },
    );
    // Both are seen: a damage that costs its image, and one that leaves it readable.
    expect(outcomes).toContain('other object: lost');
    expect(outcomes).toContain('filled: lost');
    expect(outcomes).toContain('flips: there');
    await site.expectWhole();
  });

  // Turns red when it is mended: then it loses its `fails`, and the property above its exception.
  it('a broken first image costs its part only, not what the others of its series are made of', async () => {
    const [first, ...others] = site.ofKind('ct');
    const file = (await findPlaces()).get(first?.sopInstanceUid ?? '') ?? '';
    const original = readFileSync(file);
    try {
      const noRows = { kind: 'attribute', element: 0x0010, value: 0 } as const;
      writeFileSync(file, damageFile(original, noRows, original));
      const answer = await site.client.ask({ target: site.seriesPath('ct'), headers: site.headersOf(ways['JPEG-LS']) });
      expect(answer?.status).toBe(206);
      const parts = answer === undefined ? [] : partsOf(answer);
      expect(parts.map((one) => one.sopInstanceUid)).toEqual(others.map((one) => one.sopInstanceUid));
    } finally {
      writeFileSync(file, original);
    }
  });

  it('at the end the same process serves, nothing is left open, Orthanc lives, the log names nobody', () =>
    site.expectSoundEnd());
});
