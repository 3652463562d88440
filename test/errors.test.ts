/** Every row of the error table is shown by a test (house-style 31), and the table keeps its own promises. */
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { asDrimboxError, DrimboxError, errorTable, failureFields, isErrorCode, RetryClass } from '../plugin/errors.ts';

const testFolder = fileURLToPath(new URL('.', import.meta.url));
const codes = Object.keys(errorTable).filter(isErrorCode);

/** Comments do not count, nor does this file: a code must stand in what a test does or is called. */
const withoutComments = (text: string): string => text.replace(/^\s*\/\*[^]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '');

const readTests = (): string =>
  globSync('**/*.test.ts', { cwd: testFolder })
    .filter((path) => path !== 'errors.test.ts')
    .map((path) => withoutComments(readFileSync(`${testFolder}/${path}`, 'utf8')))
    .join('\n');

const isMentioned = (code: string, text: string): boolean => new RegExp(`${code}(?![a-z-])`).test(text);

describe('error table', () => {
  test('every code is shown by a test: this is the list of those that none mentions (house-style 31)', () => {
    const text = readTests();
    expect(codes.filter((code) => !isMentioned(code, text))).toEqual([]);
  });

  test('no test mentions a code of our rooms that the table does not have', () => {
    const rooms = new Set(codes.map((code) => code.split('/')[0]));
    const quoted = [...readTests().matchAll(/code: '([a-z0-9-]+\/[a-z-]+)'/g)].map((match) => match[1] ?? '');
    const unknown = quoted.filter((code) => rooms.has(code.split('/')[0] ?? '') && !isErrorCode(code));
    expect([...new Set(unknown)]).toEqual([]);
  });

  test.each(codes)('%s: code, public text, HTTP status, acknowledgment and retry class fit together', (code) => {
    const { publicText, httpStatus, ack, retry } = new DrimboxError(code);
    expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*\/[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(publicText).toMatch(/^\p{Lu}.*\.$/u);
    expect(httpStatus).toBeGreaterThanOrEqual(400);
    expect(httpStatus).toBeLessThan(600);
    expect([100, 101, 102, 103, 200, 201, 202, 203, 207]).toContain(ack.condition);
    // Only an application error has a finer code (ERR-5).
    if (ack.applicationCode !== undefined) expect(ack.condition).toBe(207);
    // AR says "send again later": never for what the message itself says.
    if (ack.code === 'AR') expect(ack.condition).toBe(207);
    expect(Object.values(RetryClass)).toContain(retry);
  });

  test('what a RIS is told to send again (AR) is never a fault of its message', () => {
    const refused = codes.filter((code) => errorTable[code].ack.code === 'AR').map((code) => code.split('/')[0]);
    expect([...new Set(refused)].filter((room) => room === 'report' || room === 'publication')).toEqual([]);
  });
});

describe('an error of ours', () => {
  test('carries its row, its detail and where it happened', () => {
    const error = new DrimboxError('hl7/field-missing', {
      detail: 'MSH-12 is empty',
      context: { location: 'MSH^1^12' },
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('hl7/field-missing: MSH-12 is empty');
    expect(error).toMatchObject({ httpStatus: 400, ack: { code: 'AE', condition: 101 }, retry: 'permanent' });
    expect(error.context).toEqual({ location: 'MSH^1^12' });
    expect(Object.isFrozen(error.context)).toBe(true);
  });

  test('is given back as it is; anything else is internal, with the cause kept', () => {
    const ours = new DrimboxError('store/locked');
    expect(asDrimboxError(ours)).toBe(ours);
    const foreign = new TypeError('values of a row');
    expect(asDrimboxError(foreign)).toMatchObject({ code: 'general/internal', detail: '', cause: foreign });
    expect(asDrimboxError('text')).toMatchObject({ code: 'general/internal', message: 'general/internal' });
  });

  test('is known by its code alone, not by a property of every object', () => {
    expect(['store/locked', 'constructor', 'toString', ''].map(isErrorCode)).toEqual([true, false, false, false]);
  });
});

describe('what a log says of a failure', () => {
  test('is its kind, its code and its place, never its text or its properties (A6)', () => {
    const failure = Object.assign(new TypeError('values of a row', { cause: new Error('SECRET') }), {
      code: '23505',
      detail: 'SECRET',
    });
    const fields = failureFields(failure);
    expect(fields).toMatchObject({ failure: 'TypeError', failureCode: '23505', cause: { failure: 'Error' } });
    expect(JSON.stringify(fields)).not.toMatch(/SECRET|values of a row/);
    expect(JSON.stringify(fields)).toContain('errors.test.ts');
  });

  test('of something that is no error is its type', () => {
    expect(failureFields('SECRET')).toEqual({ failure: 'string' });
  });
});
