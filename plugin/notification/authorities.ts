import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { DrimboxError } from '../errors.ts';

/** Reads the authorities by which a server is believed. @throws config/unreadable */
export const loadAuthorities = (file: string): string => {
  try {
    const pem = readFileSync(file, 'utf8');
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no certificate');
    createSecureContext({ ca: pem });
    return pem;
  } catch (cause) {
    throw new DrimboxError('config/unreadable', { cause, detail: `${file} holds no readable certificate (PEM)` });
  }
};
