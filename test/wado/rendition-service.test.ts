/** What is kept and what is made ahead follow from what happened to a study (E5); all of it on a real folder. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Serving } from '../../plugin/archive/index.ts';
import { type EventName, eventTable } from '../../plugin/events.ts';
import {
  parseTransferSyntaxUid,
  type StudyInstanceUid,
  transferSyntaxes as syntax,
} from '../../plugin/standards/index.ts';
import { wadoOptions } from '../../plugin/wado/options.ts';
import { openRenditions, type RenditionService, studyTurns } from '../../plugin/wado/rendition-service.ts';
import { buildImageKinds } from '../fixtures/wado/image-kinds.ts';
import { createStoredStudy, type StoredStudy } from '../fixtures/wado/stored-study.ts';

const certificates = [{ name: 'db.exemple.invalid', certificateFile: '/c', keyFile: '/k' }];
const toJpegLs = { fillAhead: { transferSyntaxes: [syntax.jpegLsLossless] } };

interface Told {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

let folder: string;
let told: Told[];
let study: StoredStudy;
let published: StudyInstanceUid[];
let serving: Serving | undefined;
const opened: RenditionService[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drimbox-rendition-service-'));
  told = [];
  study = createStoredStudy(buildImageKinds(1, ['ct']));
  published = [study.studyInstanceUid];
  ({ serving } = study);
});
afterEach(async () => {
  for (const service of opened.splice(0)) await service.close();
  await rm(folder, { recursive: true, force: true });
});

const open = async (renditionCache: object = toJpegLs): Promise<RenditionService> => {
  const tell = (fields: object, message: string): void => {
    told.push({ message, fields: { ...fields } });
  };
  const service = await openRenditions(
    wadoOptions.parse({ certificates, renditionCache: { minFreeGigabytes: 0, ...renditionCache } }),
    { threads: 1, storeFolder: folder },
    {
      images: study.store,
      loadServing: () => Promise.resolve(serving),
      listPublished: () => Promise.resolve(published),
      monotonic: () => performance.now(),
      clock: Date.now,
      randomBytes,
      log: { info: tell, warn: tell },
      software: 'test',
    },
  );
  opened.push(service);
  return service;
};
const close = async (): Promise<void> => opened.pop()?.close();

const happen = (service: RenditionService, name: EventName): void =>
  service.heard({ name, studyInstanceUid: study.studyInstanceUid });
const fills = (): readonly Told['fields'][] =>
  told.filter(({ message }) => message === 'renditions of a study made ahead').map(({ fields }) => fields);
const figures = (): readonly Told['fields'][] =>
  told.filter(({ message }) => message === 'rendition cache').map(({ fields }) => fields);
const filled = async (service: RenditionService, name: EventName, lines: number): Promise<void> => {
  happen(service, name);
  await vi.waitFor(() => expect(fills()).toHaveLength(lines), 8_000);
};
const wanted = () => ({
  studyInstanceUid: study.studyInstanceUid,
  sopInstanceUid: study.instances[0]?.sopInstanceUid ?? '',
  revision: '1',
  sizeBytes: study.instances[0]?.bytes.length ?? 0,
  transferSyntax: parseTransferSyntaxUid(syntax.jpegLsLossless),
});

describe('what happened to a study', () => {
  it('names the events that end or begin its renditions', () => {
    const names = Object.keys(studyTurns) as readonly EventName[];
    expect(names.filter((name) => studyTurns[name]?.fills)).toEqual(['dmp/published', 'dmp/replaced']);
    expect(names.filter((name) => studyTurns[name]?.drops).toSorted()).toEqual(
      ['dmp/deleted', 'dmp/replaced', 'dmp/withdrawn', 'study/held'].toSorted(),
    );
  });

  it('published: its images are made in what is configured, and found by who asks', async () => {
    const service = await open();
    await filled(service, 'dmp/published', 1);
    expect(fills()).toMatchObject([{ end: 'complete', images: 3, made: 3, failed: 0 }]);
    const never = (): Promise<Buffer> => Promise.reject(new Error('made again'));
    const found = await service.workshop.produce(wanted(), never, new AbortController().signal);
    expect(found.length).toBeGreaterThan(0);
  });

  it('replaced: all of it is dropped and made anew', async () => {
    const service = await open();
    await filled(service, 'dmp/published', 1);
    await filled(service, 'dmp/replaced', 2);
    expect(fills()[1]).toMatchObject({ end: 'complete', made: 3, ready: 0 });
  });

  it.each(['dmp/deleted', 'dmp/withdrawn', 'study/held'] as const)(
    '%s: nothing of it is found any more',
    async (name) => {
      const service = await open();
      await filled(service, 'dmp/published', 1);
      expect(await service.workshop.findMade(wanted())).toBeDefined();
      happen(service, name);
      expect(await service.workshop.findMade(wanted())).toBeUndefined();
    },
  );

  it.each((Object.keys(eventTable) as readonly EventName[]).filter((name) => studyTurns[name] === undefined))(
    '%s changes nothing',
    async (name) => {
      const service = await open();
      happen(service, name);
      await Promise.resolve();
      expect(study.opens).toEqual([]);
    },
  );

  it('an event without a study, or of another one, changes nothing', async () => {
    const service = await open();
    service.heard({ name: 'dmp/published' });
    await filled(service, 'dmp/published', 1);
    service.heard({ name: 'dmp/deleted', studyInstanceUid: '1.2.250.1.999999.2.99' });
    expect(await service.workshop.findMade(wanted())).toBeDefined();
  });
});

describe('what is configured', () => {
  it('nothing is made ahead by default', async () => {
    const service = await open({});
    happen(service, 'dmp/published');
    await close();
    expect(study.opens).toEqual([]);
    expect(fills()).toEqual([]);
  });

  it('without a cache everything is made on request', async () => {
    const service = await open({ maxGigabytes: 0 });
    happen(service, 'dmp/published');
    happen(service, 'dmp/deleted');
    const source = (): Promise<Buffer> => Promise.resolve(Buffer.from(study.instances[0]?.bytes ?? ''));
    const made = await service.workshop.produce(wanted(), source, new AbortController().signal);
    expect(made.length).toBeGreaterThan(0);
    expect(figures()).toEqual([]);
  });

  it.each([
    ['a syntax that is not made', { fillAhead: { transferSyntaxes: ['1.2.840.10008.1.2.4.102'] } }, /must be one of/],
    ['a keyword', { fillAhead: { transferSyntaxes: ['JPEGLSLossless'] } }, /must be one of/],
    ['no room at all', { ...toJpegLs, maxGigabytes: 0 }, /MaxGigabytes is 0/],
  ])('is refused: %s', (_, renditionCache, why) => {
    expect(wadoOptions.safeParse({ certificates, renditionCache }).error?.issues[0]?.message).toMatch(why);
  });
});

describe('the life of the service', () => {
  it('no request, no event: a request keeps everything waiting', async () => {
    const service = await open();
    const { promise, resolve } = Promise.withResolvers<void>();
    const answered = service.during(() => promise);
    happen(service, 'dmp/published');
    await new Promise((wake) => {
      setTimeout(wake, 250);
    });
    expect(study.opens).toEqual([]);
    resolve();
    await answered;
  });

  it('a restart resumes nothing and makes nothing again: what was made is still there', async () => {
    await filled(await open(), 'dmp/published', 1);
    await close();
    const opens = study.opens.length;
    const service = await open();
    expect(await service.workshop.findMade(wanted())).toBeDefined();
    expect(study.opens).toHaveLength(opens);
    await filled(service, 'dmp/published', 2);
    expect(fills()[1]).toMatchObject({ made: 0, ready: 3 });
  });

  it('what left the DMP while the service was not there is dropped at the start (E5)', async () => {
    await filled(await open(), 'dmp/published', 1);
    await close();
    published = [];
    expect(await (await open()).workshop.findMade(wanted())).toBeUndefined();
  });

  it('ends while renditions are made, and can be opened again at once', async () => {
    const service = await open();
    happen(service, 'dmp/published');
    await vi.waitFor(() => expect(study.opens.length).toBeGreaterThan(0));
    await close();
    expect(fills()).toHaveLength(1);
    await open();
  });

  it('tells the figures of the cache at the start and at the end, where they changed', async () => {
    const service = await open();
    expect(figures()).toMatchObject([{ studies: 0, files: 0, bytes: 0, hitsTotal: 0, missesTotal: 0 }]);
    await filled(service, 'dmp/published', 1);
    await service.workshop.findMade(wanted());
    await close();
    expect(figures()[1]).toMatchObject({ studies: 1, files: 3, hitsTotal: 1 });
    await open({ folder: join(folder, 'renditions') });
    await close();
    expect(figures()).toHaveLength(3);
  });

  it('a start that fails gives the folder back', async () => {
    published = undefined as unknown as StudyInstanceUid[];
    await expect(open()).rejects.toThrow(TypeError);
    published = [];
    await open();
  });
});
