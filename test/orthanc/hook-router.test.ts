import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Script } from 'node:vm';
import express from 'express';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { DrimboxError, errorTable, isErrorCode } from '../../plugin/errors.ts';
import { parseChangeBatch } from '../../plugin/orthanc/change-hint.ts';
import {
  type ChangeBatch,
  createHookRouter,
  type HookRouterPorts,
  type RelayedRequest,
} from '../../plugin/orthanc/index.ts';

const secret = 'an-invented-secret-0123456789';
const anId = '81bfb4d0-d35b8599-cde9439a-3822b1f8-1cbd6321';
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Heard {
  readonly batches: ChangeBatch[];
  readonly relayed: RelayedRequest[];
  readonly logged: string[];
}

const listen = async (ports: Partial<HookRouterPorts> = {}) => {
  const heard: Heard = { batches: [], relayed: [], logged: [] };
  const app = express().disable('x-powered-by');
  app.use(
    createHookRouter({
      secret,
      onChanges: (batch) => {
        heard.batches.push(batch);
      },
      answer: (relayed) => {
        heard.relayed.push(relayed);
        return Promise.resolve({ json: { text: 'publié' } });
      },
      log: { warn: (fields) => heard.logged.push(JSON.stringify(fields)) },
      ...ports,
    }),
  );
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const send = async (
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ) => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: { 'x-drimbox-secret': secret, ...headers },
      ...(body === undefined ? {} : { body: body as string }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  return { heard, send, url };
};

const batch = (more: object = {}) =>
  JSON.stringify({
    hook: 1,
    database: 'mark',
    dropped: 0,
    changes: [{ change: 'stored', level: 'study', orthancId: anId, atUtcMs: 1_700_000_000_000 }],
    ...more,
  });

describe('changes', () => {
  it('become hints; a study is named by its Orthanc id', async () => {
    const { heard, send } = await listen();
    const changes = [
      { change: 'stored', level: 'study', orthancId: anId, atUtcMs: 1 },
      { change: 'deleted', level: 'instance', orthancId: anId, atUtcMs: 2 },
    ];
    expect((await send('POST', '/hook/changes', batch({ changes, dropped: 3 }))).status).toBe(204);
    expect(heard.batches).toEqual([
      { database: 'mark', dropped: 3, hints: [{ ...changes[0], orthancStudyId: anId }, changes[1]] },
    ]);
  });

  it('are taken without the mark of the database, which a read-only Orthanc cannot keep', () => {
    expect(parseChangeBatch(Buffer.from(batch({ database: null })))).not.toHaveProperty('database');
  });

  it('tell that Orthanc has started, also without a change: nobody told what happened while it was down', () => {
    expect(parseChangeBatch(Buffer.from(batch({ started: true, changes: [] })))).toEqual({
      database: 'mark',
      dropped: 0,
      hints: [],
      started: true,
    });
    for (const started of [false, undefined]) {
      expect(parseChangeBatch(Buffer.from(batch({ started })))).not.toHaveProperty('started');
    }
  });

  it('are not acknowledged when the hints could not be kept: the hook sends them again', async () => {
    const { send } = await listen({ onChanges: () => Promise.reject(new DrimboxError('store/unavailable')) });
    const answer = await send('POST', '/hook/changes', batch());
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      503,
      { code: 'store/unavailable', message: errorTable['store/unavailable'].publicText },
    ]);
  });

  it.each([
    ['no secret', ''],
    ['another secret', 'another-invented-secret-01234'],
    ['the start of the secret', secret.slice(0, -1)],
    ['more than the secret', `${secret}0`],
  ])('with %s: 401, nothing heard', async (_what, given) => {
    const { heard, send } = await listen();
    const answer = await send('POST', '/hook/changes', batch(), { 'x-drimbox-secret': given });
    expect([answer.status, JSON.parse(answer.text)['code'], heard.batches]).toEqual([
      401,
      'orthanc/hook-unauthorized',
      [],
    ]);
  });

  it('the secret is checked before the body is read: a stranger cannot make us swallow one', async () => {
    const { url } = await listen();
    const sent = httpRequest(`${url}/hook/changes`, { method: 'POST', headers: { 'content-length': '500000' } });
    sent.on('error', () => undefined);
    // Headers only: the answer must come without the body.
    sent.flushHeaders();
    const [response] = (await once(sent, 'response')) as [{ statusCode: number }];
    sent.destroy();
    expect(response.statusCode).toBe(401);
  });

  it('of more than 512 KiB: 413', async () => {
    const { heard, send } = await listen();
    const answer = await send('POST', '/hook/changes', `${batch()}${' '.repeat(512 * 1024)}`);
    expect([answer.status, JSON.parse(answer.text)['code'], heard.batches]).toEqual([
      413,
      'orthanc/hook-request-too-large',
      [],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['another version of the hook', batch({ hook: 2 })],
    [
      'an id that is not Orthanc’s',
      batch({ changes: [{ change: 'stored', level: 'study', orthancId: '../x', atUtcMs: 1 }] }),
    ],
    ['a start that is neither true nor false', batch({ started: 'yes' })],
    ['an unknown level', batch({ changes: [{ change: 'stored', level: 'job', orthancId: anId, atUtcMs: 1 }] })],
    ['a time that is none', batch({ changes: [{ change: 'stored', level: 'study', orthancId: anId, atUtcMs: -1 }] })],
  ])('that are %s: 400', async (_what, body) => {
    const { heard, send } = await listen();
    const answer = await send('POST', '/hook/changes', body);
    expect([answer.status, JSON.parse(answer.text)['code'], heard.batches]).toEqual([
      400,
      'orthanc/hook-request-invalid',
      [],
    ]);
  });

  it('never throw anything but ours, whatever bytes come', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((json) => new Uint8Array(Buffer.from(json))),
    );
    fc.assert(
      fc.property(bytes, (body) => {
        try {
          parseChangeBatch(body);
        } catch (error) {
          expect(error).toMatchObject({ code: 'orthanc/hook-request-invalid' });
        }
      }),
    );
  });
});

describe('relayed calls of /drimbox/…', () => {
  it('arrive with path, query, body and the user that Orthanc names (F1)', async () => {
    const { heard, send } = await listen();
    const answer = await send('POST', '/hook/rest/studies/caf%C3%A9/reconcile?a=1&b=x%26y', '{"é":1}', {
      'content-type': 'application/json',
      'x-drimbox-user': 'b%C3%A9a',
      'x-csrf-token': 'token',
      origin: 'http://pacs',
      'x-drimbox-host': 'pacs:8042',
    });
    expect([answer.status, answer.text, answer.headers.get('cache-control')]).toEqual([
      200,
      '{"text":"publié"}',
      'no-store',
    ]);
    const [call] = heard.relayed;
    expect(call).toMatchObject({
      method: 'POST',
      path: 'studies/café/reconcile',
      contentType: 'application/json',
      user: 'béa',
      csrfToken: 'token',
      origin: 'http://pacs',
      host: 'pacs:8042',
    });
    expect([...(call?.query ?? [])]).toEqual([
      ['a', '1'],
      ['b', 'x&y'],
    ]);
    expect(Buffer.from(call?.body ?? []).toString()).toBe('{"é":1}');
  });

  it('without user name nobody: the key is absent, not empty', async () => {
    const { heard, send } = await listen();
    await send('GET', '/hook/rest/status');
    expect(heard.relayed[0]).not.toHaveProperty('user');
  });

  it('need the secret like the changes', async () => {
    const { heard, send } = await listen();
    expect((await send('GET', '/hook/rest/status', undefined, { 'x-drimbox-secret': 'x' })).status).toBe(401);
    expect(heard.relayed).toEqual([]);
  });

  it('answer an error of the table with its status, code and French text, and log it without the path', async () => {
    const { heard, send } = await listen({
      answer: () => Promise.reject(new DrimboxError('orthanc/not-found', { detail: 'no study' })),
    });
    const answer = await send('GET', '/hook/rest/studies/EXEMPLE');
    expect([answer.status, JSON.parse(answer.text)]).toEqual([
      404,
      { code: 'orthanc/not-found', message: errorTable['orthanc/not-found'].publicText },
    ]);
    expect(heard.logged).toEqual(['{"code":"orthanc/not-found","detail":"no study"}']);
  });

  it('name the method that is allowed in a 405', async () => {
    const { send } = await listen({
      answer: () => Promise.reject(new DrimboxError('admin/method-not-allowed', { context: { allow: 'POST' } })),
    });
    const answer = await send('GET', '/hook/rest/x');
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('answer anything else as 500 with a fixed text (house-style 18)', async () => {
    const { send } = await listen({ answer: () => Promise.reject(new Error('EXEMPLE^CAMILLE')) });
    const answer = await send('GET', '/hook/rest/x');
    expect([answer.status, answer.text.includes('EXEMPLE')]).toEqual([500, false]);
  });

  it('are GET or POST', async () => {
    const { send } = await listen();
    expect((await send('DELETE', '/hook/rest/x')).status).toBe(400);
  });

  it('with a malformed escape: 400', async () => {
    const { send } = await listen();
    expect((await send('GET', '/hook/rest/%E9')).status).toBe(400);
  });

  it('of more than 1 MiB: 413', async () => {
    const { send } = await listen();
    expect((await send('POST', '/hook/rest/x', new Uint8Array(1024 * 1024 + 1))).status).toBe(413);
  });
});

describe('orthanc-config/drimbox.py', () => {
  const script = readFileSync(resolve(import.meta.dirname, '../../orthanc-config/drimbox.py'), 'utf8');
  const answers = [...script.matchAll(/send_error\(output, (\d+), '([^']+)', '([^']+)'\)/g)];

  it('answers with codes, statuses and texts of the closed table', () => {
    expect(answers.length).toBe(3);
    for (const [, status, code, text] of answers) {
      if (code === undefined || !isErrorCode(code)) throw new Error(`unknown code ${code}`);
      expect([Number(status), text?.replace('\\u2019', '’')]).toEqual([
        errorTable[code].httpStatus,
        errorTable[code].publicText,
      ]);
    }
  });

  it('needs nothing but Python’s standard library', () => {
    const imported = [...script.matchAll(/^\s*(?:import|from) ([\w.]+)/gm)].map(([, name]) => name);
    expect(imported).toEqual([
      'base64',
      'collections',
      'http.client',
      'json',
      'socket',
      'threading',
      'time',
      'urllib.parse',
      'uuid',
      'orthanc',
    ]);
  });

  it('puts text in a page as text only: an answer never becomes HTML', () => {
    const [, page] = /EXPLORER_SCRIPT = r'''([\s\S]*?)'''/.exec(script) ?? [];
    expect(() => new Script(page ?? '!')).not.toThrow();
    expect(page).toContain('textContent');
    expect(page).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.html\(|\.append\(|\.prepend\(/);
  });
});
