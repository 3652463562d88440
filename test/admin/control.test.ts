import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askSidecar, controlSocketOf, type RunCommand, startControl } from '../../plugin/admin/index.ts';
import { DrimboxError } from '../../plugin/errors.ts';
import { acquireFolderLock } from '../../plugin/store/index.ts';

let parent: string;
let folder: string;
const closing: (() => Promise<void>)[] = [];
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'drimbox-control-'));
  folder = join(parent, 'store');
  const lock = await acquireFolderLock(folder);
  closing.push(() => lock.release());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(parent, { recursive: true, force: true });
});

const listen = async (run: RunCommand, options: { readonly heartbeatMs?: number } = {}): Promise<void> => {
  const control = await startControl(folder, run, options);
  closing.push(() => control.close());
};

/** A peer on the socket that answers what it likes. */
const answerWith = async (body: string): Promise<void> => {
  const server = createServer((_, outgoing) => outgoing.end(body));
  await new Promise<void>((resolve) => server.listen(controlSocketOf(folder), resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
};

/** What a peer that does not follow the rules gets. */
const post = (body: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const call = request({ socketPath: controlSocketOf(folder), method: 'POST', path: '/commands' }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
      incoming.on('end', () => resolve(text));
    });
    call.on('error', reject);
    call.end(body);
  });

describe('control socket of the running sidecar', () => {
  test('passes the words of a command on and its result back', async () => {
    await listen((words) => Promise.resolve({ words, due: 3, none: null, list: [1, 'é'] }));
    expect(await askSidecar(folder, ['archive', 'show', '1.2.3'])).toEqual({
      words: ['archive', 'show', '1.2.3'],
      due: 3,
      none: null,
      list: [1, 'é'],
    });
  });

  test('stands in a folder that only its user may enter', async () => {
    await listen(() => Promise.resolve({}));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect(await readdir(folder)).toContain('control.sock');
  });

  test('passes an error of ours on with its code and detail', async () => {
    await listen(() => Promise.reject(new DrimboxError('archive/not-found', { detail: 'no report names it' })));
    await expect(askSidecar(folder, ['archive', 'show', '1'])).rejects.toMatchObject({
      code: 'archive/not-found',
      detail: 'no report names it',
    });
  });

  test('passes any other error on as internal, without its text (A6)', async () => {
    await listen(() => Promise.reject(new Error('values of a row')));
    const error: unknown = await askSidecar(folder, ['archive', 'list']).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'general/internal', detail: '' });
    expect(await post('{"words":[]}')).not.toContain('values of a row');
  });

  test.each([
    ['no JSON', 'hello'],
    ['nothing', ''],
    ['no words', '{"word":"archive"}'],
    ['words that are no text', '{"words":[1]}'],
    ['null', 'null'],
  ])('answers %s with an error and goes on', async (_title, body) => {
    await listen(() => Promise.resolve('ran'));
    expect(JSON.parse(await post(body))).toHaveProperty('error.code');
    expect(await askSidecar(folder, ['archive', 'status'])).toBe('ran');
  });

  test('a command that is none is cli/usage', async () => {
    await listen(() => Promise.resolve('ran'));
    expect(JSON.parse(await post('{}'))).toEqual({ error: { code: 'cli/usage', detail: 'not a command' } });
  });

  test('takes over the socket file that a killed process left', async () => {
    await writeFile(controlSocketOf(folder), '');
    await listen(() => Promise.resolve('ran'));
    expect(await askSidecar(folder, ['archive', 'status'])).toBe('ran');
  });

  test('starts again after a stop, and answers several at once', async () => {
    const first = await startControl(folder, () => Promise.resolve('first'));
    await first.close();
    await listen(([word]) => Promise.resolve(word));
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((word) => askSidecar(folder, [word])));
    expect(answers).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('a command that takes long', () => {
  test('tells its progress while it works, in order, then its result once', async () => {
    await listen(async (_words, report) => {
      for (const done of [1, 2, 3]) {
        report({ done });
        await sleep(5);
      }
      return { done: 3 };
    });
    const told: object[] = [];
    expect(await askSidecar(folder, ['long'], (progress) => told.push(progress))).toEqual({ done: 3 });
    expect(told).toEqual([{ done: 1 }, { done: 2 }, { done: 3 }]);
  });

  test('may be silent for longer than a time-out: heartbeats say that it is at work', async () => {
    await listen(() => sleep(600, 'late'), { heartbeatMs: 50 });
    expect(await askSidecar(folder, ['long'], undefined, { silenceMs: 300 })).toBe('late');
  });

  test('that is really silent is given up: cli/sidecar-unreachable', async () => {
    await listen(() => sleep(2_000, 'late', { ref: false }), { heartbeatMs: 60_000 });
    const asking = askSidecar(folder, ['long'], undefined, { silenceMs: 100 });
    await expect(asking).rejects.toMatchObject({ code: 'cli/sidecar-unreachable' });
  });

  test('that fails after it told progress passes its error on', async () => {
    await listen((_words, report) => {
      report({ done: 1 });
      return Promise.reject(new DrimboxError('store/unavailable'));
    });
    await expect(askSidecar(folder, ['long'])).rejects.toMatchObject({ code: 'store/unavailable' });
  });

  test('learns that whoever asked has gone, and may clean up', async () => {
    const gone = Promise.withResolvers<void>();
    await listen((_words, report, signal) => {
      signal.addEventListener('abort', () => gone.resolve());
      report({ begun: true });
      return gone.promise;
    });
    const call = request({ socketPath: controlSocketOf(folder), method: 'POST', path: '/commands' }, (incoming) => {
      incoming.on('error', () => undefined);
      incoming.once('data', () => call.destroy());
    });
    call.on('error', () => undefined);
    call.end('{"words":["long"]}');
    await gone.promise;
    // The others are served as before.
    expect(await post('{}')).toContain('cli/usage');
  });

  test('learns that the sidecar stops; the stop waits until it has cleaned up', async () => {
    let isClean = false;
    const control = await startControl(folder, async (_words, _report, signal) => {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      await sleep(100);
      isClean = true;
    });
    const asking = askSidecar(folder, ['long']).catch(() => undefined);
    await sleep(100);
    await control.close();
    expect(isClean).toBe(true);
    await asking;
  });

  test('a command without a result answers null', async () => {
    await listen(() => Promise.resolve(undefined));
    expect(await askSidecar(folder, ['nothing'])).toBeNull();
  });
});

describe('a sidecar that does not answer (cli/sidecar-unreachable)', () => {
  const unreachable = { code: 'cli/sidecar-unreachable', httpStatus: 503 };

  test('no socket at all', async () => {
    await expect(askSidecar(folder, ['archive', 'list'])).rejects.toMatchObject(unreachable);
  });

  test('a socket file that nobody listens on', async () => {
    await writeFile(controlSocketOf(folder), '');
    await expect(askSidecar(folder, ['archive', 'list'])).rejects.toMatchObject(unreachable);
  });

  test('one that stops meanwhile', async () => {
    const control = await startControl(folder, () => new Promise(() => undefined));
    const asking = askSidecar(folder, ['archive', 'list']);
    const failing = expect(asking).rejects.toMatchObject(unreachable);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await control.close();
    await failing;
  });

  test.each([
    ['no JSON', '<html>'],
    ['nothing', ''],
    ['progress without an end', '{"progress":{"done":1}}\n{"heartbeat":true}\n'],
    ['nothing of ours', '{"answer":1}'],
    ['an error without code', '{"error":"no"}'],
    ['a code of another version', '{"error":{"code":"later/unknown","detail":""}}'],
    ['a property of every object as code', '{"error":{"code":"constructor","detail":""}}'],
  ])('an answer that is %s', async (_title, body) => {
    await answerWith(body);
    await expect(askSidecar(folder, ['archive', 'list'])).rejects.toMatchObject(unreachable);
  });
});
