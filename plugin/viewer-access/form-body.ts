/** The body of a small form: bounded, strictly what a browser sends. @see WHATWG URL, application/x-www-form-urlencoded */
import type { IncomingMessage } from 'node:http';
import { DrimboxError } from '../errors.ts';

/** A link, a token and a key. A logout token of Pro Santé Connect has some 2 kB. */
const maxFormBytes = 16 * 1024;
const maxFields = 16;

const invalid = (detail: string): DrimboxError => new DrimboxError('viewer-access/form-invalid', { detail });

/** @throws viewer-access/form-invalid — another type, too long, or cut */
export const readFormText = async (request: IncomingMessage): Promise<string> => {
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') throw invalid('not a form');
  if (Number(request.headers['content-length'] ?? 0) > maxFormBytes) throw invalid('too long');
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxFormBytes) break;
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw new DrimboxError('viewer-access/form-invalid', { cause, detail: 'cut' });
  }
  if (bytes > maxFormBytes) throw invalid('too long');
  return Buffer.concat(chunks).toString('utf8');
};

/** @throws viewer-access/form-invalid — a field twice, or too many */
export const parseForm = (text: string): ReadonlyMap<string, string> => {
  const fields = [...new URLSearchParams(text)];
  const form = new Map(fields);
  if (fields.length > maxFields || form.size !== fields.length) throw invalid('fields');
  return form;
};
