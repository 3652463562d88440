/** Ports of servers that tests stop and start again: one holder each, until its process is over. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { findFreePort, reservations, reservePort } from './postgres/free-port.ts';

const fileOf = (port: number): string => join(reservations, String(port));

test('a port is nobody else’s while its process lives, listened on or not', async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, findFreePort));
  expect(new Set(ports).size).toBe(100);
  for (const port of ports) expect(readFileSync(fileOf(port), 'utf8')).toBe(String(process.pid));
});

test('is given back when the process is over', () => {
  const module = resolve(import.meta.dirname, 'postgres/free-port.ts');
  const script = `import { findFreePort } from ${JSON.stringify(module)}; console.log(await findFreePort());`;
  const port = Number(execFileSync(process.execPath, ['--input-type=module', '--eval', script]).toString());
  expect(port).toBeGreaterThan(0);
  expect(existsSync(fileOf(port))).toBe(false);
});

test('what a killed process left is found out, and given to others; what a living one holds is not', async () => {
  const port = await findFreePort();
  // No process can have this number.
  writeFileSync(fileOf(port), '4194305');
  expect(reservePort(port)).toBe(fileOf(port));
  expect(readFileSync(fileOf(port), 'utf8')).toBe(String(process.pid));
  writeFileSync(fileOf(port), String(process.ppid));
  expect(reservePort(port)).toBeUndefined();
  expect(readFileSync(fileOf(port), 'utf8')).toBe(String(process.ppid));
});
