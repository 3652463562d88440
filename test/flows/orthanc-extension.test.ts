/** `/drimbox/…` and the study page of Orthanc Explorer on a real Orthanc, answered by the sidecar's own extension. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRestExtension } from '../../plugin/admin/index.ts';
import { loadJournal, loadStudy, updateStudy, upsertStudy } from '../../plugin/archive/index.ts';
import { createOrthancClient, type OrthancClient, orthancOptions } from '../../plugin/orthanc/index.ts';
import { type HookListener, startHookListener } from '../fixtures/orthanc/hook-listener.ts';
import { buildInstance } from '../fixtures/orthanc/studies.ts';
import { openTestStore, type TestStore } from '../fixtures/store/index.ts';
import {
  type Browser,
  isBrowserHere,
  isOrthancHere,
  type OrthancPeer,
  type OrthancVersion,
  startBrowser,
  startOrthanc,
} from '../peers/orthanc/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'drimbox-extension-'));
const secretFile = join(folder, 'secret');
const passwordFile = join(folder, 'password');
const secret = 'an-invented-secret-0123456789';
const [user, password] = ['béa', 'sésame'];
writeFileSync(secretFile, secret);
writeFileSync(passwordFile, password);
afterAll(() => rmSync(folder, { recursive: true }));

const eventually = { timeout: 15_000, interval: 100 };
const uid = '2.25.999999.81';

interface Place {
  readonly listener: HookListener;
  readonly orthanc: OrthancPeer;
  readonly client: OrthancClient;
  readonly studyId: string;
  close(): Promise<void>;
}

/** One version a run: `scripts/test` has 1.10, `scripts/test --orthanc 1.12` the other. */
const versions: OrthancVersion[] = [process.env['DRIMBOX_TEST_ORTHANC'] === '1.12' ? '1.12' : '1.10'];
describe.each(versions)('extension of Orthanc %s', (version) => {
  if (!isOrthancHere(version)) {
    it.skip(`Orthanc ${version} is not on this machine`, () => undefined);
    return;
  }
  let opened: TestStore;
  let woken = 0;

  /** Orthanc with one study, and the extension; as long as nobody looks, a study that was asked for stays due. */
  const startPlace = async (withUsers: boolean): Promise<Place> => {
    const late: { client?: OrthancClient } = {};
    const extension = createRestExtension({
      store: opened.store,
      orthanc: { resolveStudyOf: async (level, id) => await late.client?.resolveStudyOf(level, id) },
      clock: Date.now,
      wake: () => {
        woken += 1;
      },
      wakeComparison: () => undefined,
      emit: () => undefined,
      csrfKey: Buffer.alloc(32, 3),
    });
    const listener = await startHookListener({ secret, answer: extension });
    const orthanc = await startOrthanc({
      version,
      hook: { host: '127.0.0.1', port: listener.port, secretFile },
      ...(withUsers ? { users: { [user]: password } } : {}),
    });
    const client = createOrthancClient(
      orthancOptions.parse({
        url: orthanc.url,
        hook: { secretFile },
        ...(withUsers ? { username: user, passwordFile } : {}),
      }),
    );
    late.client = client;
    const { studyId } = await orthanc.storeFile(
      buildInstance({ study: uid, series: `${uid}.1`, instance: `${uid}.1.1` }),
    );
    return {
      listener,
      orthanc,
      client,
      studyId,
      close: async () => {
        await Promise.all([client.close(), orthanc.discard()]);
        await listener.close();
      },
    };
  };

  const hold = async (): Promise<void> => {
    const now = Date.now();
    const { knex } = opened.store;
    await opened.store.transaction((trx) =>
      upsertStudy(trx, { studyInstanceUid: uid, atUtcMs: now, imagesDeadlineAtUtcMs: now }),
    );
    const study = await loadStudy(knex, uid);
    if (study === undefined) throw new Error('not there');
    const reason = { code: 'publication/images-mismatch', detail: 'invented' } as const;
    await updateStudy(knex, study, { state: 'held', reason }, now);
    await knex('study').update({ look_due_at_utc_ms: null });
  };
  const isDue = async (): Promise<boolean> => (await loadStudy(opened.store.knex, uid))?.lookDueAtUtcMs !== undefined;

  beforeAll(async () => {
    opened = await openTestStore();
  }, 60_000);
  afterAll(() => opened.close());
  beforeEach(async () => {
    await opened.empty();
    await hold();
    woken = 0;
  });

  describe('with users', () => {
    let place: Place;
    beforeAll(async () => {
      place = await startPlace(true);
    });
    afterAll(() => place.close());

    const post = async (headers: Record<string, string>, path = `studies/${place.studyId}/reconcile`) => {
      // On a connection of its own: Orthanc closes one on which it refused something.
      const answer = await request(`${place.orthanc.url}/drimbox/${path}`, {
        method: 'POST',
        reset: true,
        headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`, ...headers },
      });
      return { status: answer.statusCode, json: (await answer.body.json()) as Record<string, unknown> };
    };
    const tokenOf = async (): Promise<string> =>
      (await place.orthanc.getJson<{ token: string }>('/drimbox/csrf-token')).token;

    it('reads status, history, queue and alerts through Orthanc', async () => {
      const { studyId, orthanc } = place;
      expect(await orthanc.getJson(`/drimbox/studies/${studyId}/status`)).toMatchObject({
        state: 'held',
        reason: 'publication/images-mismatch',
        actions: ['reconcile'],
      });
      expect(await orthanc.getJson(`/drimbox/studies/${studyId}`)).toMatchObject({
        history: { studyInstanceUid: uid, reports: [] },
      });
      expect(await orthanc.getJson('/drimbox/queue')).toEqual({ total: 0, orders: [] });
      expect(await orthanc.getJson('/drimbox/alerts')).toEqual([]);
      const { status, text } = await orthanc.call('GET', '/drimbox/nowhere');
      expect([status, JSON.parse(text)['code']]).toEqual([404, 'admin/path-unknown']);
    });

    it('acts with a token only: 403 without, 202 with, 405 for another method (F1)', async () => {
      const without = await post({});
      expect([without.status, without.json['code'], await isDue()]).toEqual([403, 'admin/csrf-invalid', false]);
      const token = await tokenOf();
      const elsewhere = await post({ 'x-csrf-token': token, origin: 'http://ailleurs.invalid' });
      expect([elsewhere.status, elsewhere.json['code'], await isDue()]).toEqual([403, 'admin/csrf-invalid', false]);
      const get = await place.orthanc.call('GET', `/drimbox/studies/${place.studyId}/reconcile`);
      expect(get.status).toBe(405);
      expect((await post({ 'x-csrf-token': token })).status).toBe(202);
      expect([await isDue(), woken]).toEqual([true, 1]);
    });

    it('takes the origin of its own pages, directly and behind a proxy that names itself', async () => {
      const token = await tokenOf();
      const own = await post({ 'x-csrf-token': token, origin: place.orthanc.url });
      const proxied = await post({
        'x-csrf-token': token,
        origin: 'https://pacs.exemple.invalid',
        'x-forwarded-host': 'pacs.exemple.invalid',
      });
      expect([own.status, proxied.status]).toEqual([202, 202]);
    });
  });

  describe.skipIf(!isBrowserHere())('study page of Orthanc Explorer', () => {
    let browser: Browser | undefined;
    let place: Place | undefined;
    afterEach(async () => {
      await browser?.close();
      await place?.close();
      [browser, place] = [undefined, undefined];
    });
    interface Page {
      readonly status: string;
      readonly remedy: string;
      readonly note: string;
      readonly disabled: boolean;
      readonly isButtonShown: boolean;
    }
    const read = (): Promise<Page | null> =>
      (browser as Browser).evaluate<Page | null>(`(() => {
        const one = (name) => document.querySelector('#study .drimbox-' + name);
        if (one('status') === null) return null;
        return { status: one('status').textContent, remedy: one('remedy').textContent, note: one('note').textContent,
          disabled: one('reconcile').disabled, isButtonShown: one('reconcile').offsetParent !== null };
      })()`);
    const click = (): Promise<unknown> =>
      (browser as Browser).evaluate(`document.querySelector('#study .drimbox-reconcile').click()`);
    const shoot = async (name: string): Promise<void> => {
      const to = process.env['DRIMBOX_SCREENSHOTS'];
      if (to !== undefined) await browser?.screenshot(join(to, `explorer-${version}-${name}.png`));
    };

    it('shows status, remedy and a button; the button asks for a look and the line follows until it settles', async () => {
      place = await startPlace(true);
      browser = await startBrowser({ name: user, password });
      await browser.open(`${place.orthanc.url}/app/explorer.html#study?uuid=${place.studyId}`);
      await vi.waitFor(async () => expect(await read()).toMatchObject({ isButtonShown: true }), eventually);
      const before = await read();
      expect(before).toMatchObject({ note: '', disabled: false });
      expect(before?.status).toMatch(/^DRIM-M\u00a0: retenu, rien n’est envoyé — /);
      expect(before?.remedy).toMatch(/^À faire\u00a0: ./);
      await shoot('held');
      await click();
      await vi.waitFor(async () => expect(await isDue()).toBe(true), eventually);
      await vi.waitFor(
        async () => expect(await read()).toMatchObject({ disabled: true, note: 'Réexamen en cours…' }),
        eventually,
      );
      // What a look would find.
      const study = await loadStudy(opened.store.knex, uid);
      if (study === undefined) throw new Error('not there');
      await updateStudy(opened.store.knex, study, { state: 'published', reason: null }, Date.now());
      await opened.store.knex('study').update({ look_due_at_utc_ms: null });
      await vi.waitFor(
        async () =>
          expect(await read()).toEqual({
            status: 'DRIM-M\u00a0: publié dans le DMP',
            remedy: '',
            note: '',
            disabled: false,
            isButtonShown: true,
          }),
        eventually,
      );
      await shoot('published');
      const journal = await loadJournal(opened.store.knex, { studyInstanceUid: uid, limit: 10 });
      expect(journal).toMatchObject([{ name: 'study/hint', detail: { source: 'orthanc-explorer' } }]);
    });

    it('says why when the look cannot be asked for', async () => {
      place = await startPlace(true);
      browser = await startBrowser({ name: user, password });
      await browser.open(`${place.orthanc.url}/app/explorer.html#study?uuid=${place.studyId}`);
      await vi.waitFor(async () => expect(await read()).toMatchObject({ isButtonShown: true }), eventually);
      await opened.empty();
      await click();
      await vi.waitFor(
        async () =>
          expect(await read()).toMatchObject({
            disabled: false,
            note: 'Réexamen non demandé\u00a0: Rien de tel dans l’archive.',
          }),
        eventually,
      );
    });

    it('disables the button, with a sentence, where Orthanc checks no password (F1)', async () => {
      place = await startPlace(false);
      browser = await startBrowser();
      await browser.open(`${place.orthanc.url}/app/explorer.html#study?uuid=${place.studyId}`);
      await vi.waitFor(async () => expect(await read()).toMatchObject({ isButtonShown: true }), eventually);
      const page = await read();
      expect(page?.disabled).toBe(true);
      expect(page?.note).toContain('mot de passe');
      await shoot('no-user');
    });

    it('shows nothing for a study that no report ever named', async () => {
      await opened.empty();
      place = await startPlace(true);
      browser = await startBrowser({ name: user, password });
      await browser.open(`${place.orthanc.url}/app/explorer.html#study?uuid=${place.studyId}`);
      await vi.waitFor(
        async () => expect(await read()).toMatchObject({ status: '', isButtonShown: false }),
        eventually,
      );
    });
  });
});
