/** Resident memory of a process, as the kernel counts it. */
import { readFileSync } from 'node:fs';

const fieldOf = (pid: number, field: 'VmRSS' | 'VmHWM'): number => {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? Number.NaN) / 1024;
};

/** MiB now. */
export const residentMebibytes = (pid: number): number => fieldOf(pid, 'VmRSS');

/** MiB at the highest since the process began. */
export const highestMebibytes = (pid: number): number => fieldOf(pid, 'VmHWM');

export const mebibytes = (value: number): string => `${Math.round(value)} MB`;
