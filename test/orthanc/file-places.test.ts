/** What is remembered of Orthanc's index, and for how long. Names are invented. */
import { expect, it } from 'vitest';
import { DrimboxError } from '../../plugin/errors.ts';
import type { FileIndex, FilePlace } from '../../plugin/orthanc/file-index.ts';
import { createFilePlaces } from '../../plugin/orthanc/file-places.ts';
import { createStoredFiles } from '../../plugin/orthanc/index.ts';

const idOf = (number: number): string => `${String(number).padStart(8, '0')}${'-00000000'.repeat(4)}`;
const placeOf = (number: number, revision = 0): FilePlace => ({
  uuid: `${String(number).padStart(8, '0')}-0000-4000-8000-${String(revision).padStart(12, '0')}`,
  sizeBytes: 100,
});

/** An index of which each answer waits to be let go. */
const heldIndex = () => {
  const questions: { readonly ids: readonly string[]; answer(places: ReadonlyMap<string, FilePlace>): void }[] = [];
  const index: FileIndex = {
    listFiles: (ids) =>
      new Promise((resolve) => {
        questions.push({ ids, answer: resolve });
      }),
  };
  return { index, questions };
};

const codeOf = (answer: Promise<unknown>): Promise<unknown> =>
  answer.then(
    () => 'fulfilled',
    (error: unknown) => (error instanceof DrimboxError ? error.code : error),
  );

it('a place is believed for five minutes: a file may outlive its instance (delayed deletion, a killed Orthanc)', async () => {
  let nowMs = 0;
  let revision = 1;
  const index: FileIndex = {
    listFiles: (ids) => Promise.resolve(new Map(ids.map((id) => [id, placeOf(1, revision)]))),
  };
  const places = createFilePlaces(index, () => nowMs);
  expect(await places.locate(idOf(1), [])).toEqual(placeOf(1, 1));
  revision = 2;
  nowMs = 299_999;
  expect(await places.locate(idOf(1), [])).toEqual(placeOf(1, 1));
  nowMs = 300_000;
  expect(await places.locate(idOf(1), [])).toEqual(placeOf(1, 2));
});

it.each([
  ['forward', 86_400_000],
  ['backward', -86_400_000],
])('a clock that is set %s by a day makes nothing be believed longer', async (_way, byMs) => {
  let nowMs = 1_000_000_000;
  let revision = 1;
  const index: FileIndex = {
    listFiles: (ids) => Promise.resolve(new Map(ids.map((id) => [id, placeOf(1, revision)]))),
  };
  const places = createFilePlaces(index, () => nowMs);
  await places.locate(idOf(1), []);
  revision = 2;
  nowMs += byMs;
  expect(await places.locate(idOf(1), [])).toEqual(placeOf(1, 2));
});

it('an answer that another opener got says nothing for the place that this one holds', async () => {
  let revision = 1;
  const index: FileIndex = {
    listFiles: (ids) => Promise.resolve(new Map(ids.map((id) => [id, placeOf(1, revision)]))),
  };
  const places = createFilePlaces(index, () => 0);
  const held = await places.locate(idOf(1), []);
  expect(places.isFresh(idOf(1), held, 1)).toBe(true);
  revision = 2;
  const anew = await places.locateAnew(idOf(1), [], 1);
  expect([places.isFresh(idOf(1), held, 1), places.isFresh(idOf(1), anew, 1)]).toEqual([false, true]);
});

it('what is forgotten while two wait for it is still told to both: it is not gone from the PACS', async () => {
  const { index, questions } = heldIndex();
  const places = createFilePlaces(index, () => 0);
  const first = places.locate(idOf(1), []).then((place) => {
    places.forget(idOf(1));
    return place;
  });
  const second = places.locate(idOf(1), []);
  expect(questions.length).toBe(1);
  questions[0]?.answer(new Map([[idOf(1), placeOf(1)]]));
  expect(await Promise.all([first, second])).toEqual([placeOf(1), placeOf(1)]);
});

it('an instance that is gone is asked for again each time: it may come back', async () => {
  const asked: (readonly string[])[] = [];
  const index: FileIndex = {
    listFiles: (ids) => {
      asked.push(ids);
      return Promise.resolve(new Map(asked.length < 3 ? [] : ids.map((id) => [id, placeOf(1)])));
    },
  };
  const places = createFilePlaces(index, () => 0);
  expect(await codeOf(places.locate(idOf(1), []))).toBe('orthanc/not-found');
  expect(await codeOf(places.locate(idOf(1), []))).toBe('orthanc/not-found');
  expect(await codeOf(places.locate(idOf(1), []))).toBe('fulfilled');
});

it('who leaves does not wait for a silent Orthanc; who stays gets the answer', async () => {
  const { index, questions } = heldIndex();
  const client = {
    listInstances: () => Promise.reject(new Error('not asked')),
    downloadFile: () => Promise.reject(new Error()),
  };
  const files = createStoredFiles(client, { index, clock: () => 0 });
  const leaving = new AbortController();
  const left = codeOf(files.open(idOf(1), [], leaving.signal));
  const stayed = files.open(idOf(1), [], new AbortController().signal);
  const reason = new Error('the peer went away');
  leaving.abort(reason);
  expect(await left).toBe(reason);
  questions[0]?.answer(new Map([[idOf(1), placeOf(1)]]));
  expect(await stayed).toMatchObject({ uuid: placeOf(1).uuid, source: 'orthanc' });
  expect(questions.length).toBe(1);
});

it('remembers 100,000 places and no more: the oldest is asked for again', async () => {
  let asked = 0;
  const index: FileIndex = {
    listFiles: (ids) => {
      asked += 1;
      return Promise.resolve(new Map(ids.map((id) => [id, placeOf(Number(id.slice(0, 8)))])));
    },
  };
  const places = createFilePlaces(index, () => 0);
  for (let number = 0; number <= 100_000; number += 1) await places.locate(idOf(number), []);
  asked = 0;
  await places.locate(idOf(1), []);
  expect(asked).toBe(0);
  await places.locate(idOf(0), []);
  expect(asked).toBe(1);
});
