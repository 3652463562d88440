/**
 * ACK latency and throughput with whole reports, and the memory of the sidecar, on both stores.
 *
 * The studies are not in the PACS: each report is also looked up there once, as in a site whose images come later.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from '../../test/peers/postgres/index.ts';
import { startSite, type Site } from '../../test/peers/site/index.ts';
import { judge, milliseconds, type BenchSettings, type Figure } from './figures.ts';
import { buildInventedReport } from './invented-reports.ts';
import { sendLoad, type LoadResult } from './message-load.ts';
import { highestMebibytes, mebibytes, processorMs, residentMebibytes } from './process-figures.ts';

interface Round {
  readonly name: string;
  readonly connections: number;
  readonly messages: number;
  readonly isOnePatient: boolean;
}

const roundsOf = ({ isQuick }: BenchSettings, isProduction: boolean): readonly Round[] => {
  const share = (isQuick ? 0.3 : 1) * (isProduction ? 1 : 0.5);
  const count = (messages: number): number => Math.ceil(messages * share);
  return [
    { name: 'warm-up', connections: 4, messages: 40, isOnePatient: false },
    { name: '1 connection', connections: 1, messages: count(200), isOnePatient: false },
    { name: '10 connections', connections: 10, messages: count(500), isOnePatient: false },
    { name: '10 connections, one patient', connections: 10, messages: count(300), isOnePatient: true },
  ];
};

const figuresOf = (store: string, round: Round, result: LoadResult, busyMs: number): readonly Figure[] => {
  const what = `ACK of 330 kB, ${store}, ${round.name}`;
  const perSecond = (value: number): string => `${value.toFixed(0)}/s`;
  // The wanted figures are for the usual case: reports of different patients.
  const isWanted = store === 'PostgreSQL' && !round.isOnePatient;
  return [
    judge(`${what}: p50`, result.p50Ms, milliseconds),
    judge(`${what}: p95`, result.p95Ms, milliseconds, isWanted && round.connections === 1 ? { below: 50 } : undefined),
    judge(
      `${what}: messages`,
      result.perSecond,
      perSecond,
      isWanted && round.connections === 10 ? { atLeast: 60 } : undefined,
    ),
    // The only one of these that another load on the machine hardly changes.
    judge(`${what}: processor time of the sidecar per message`, busyMs, milliseconds),
  ];
};

const runRounds = async (site: Site, store: string, rounds: readonly Round[]): Promise<readonly Figure[]> => {
  // The first start of an embedded database makes it, which takes memory that no later start needs.
  await site.sidecar().stop();
  const { pid } = await site.restartSidecar();
  await sleep(3000);
  const idle = residentMebibytes(pid);
  const figures: Figure[] = [];
  let number = 1;
  for (const round of rounds) {
    const messages = Array.from({ length: round.messages }, () => {
      number += 1;
      return buildInventedReport(number, round.isOnePatient ? 1 : number).message;
    });
    const before = processorMs(pid);
    const result = await sendLoad(site, messages, round.connections);
    const busyMs = (processorMs(pid) - before) / round.messages;
    if (round.name !== 'warm-up') figures.push(...figuresOf(store, round, result, busyMs));
    await sleep(1000);
  }
  const highest = highestMebibytes(pid);
  await sleep(10_000);
  return [
    ...figures,
    judge(`memory, ${store}: idle after the start`, idle, mebibytes, { below: 300 }),
    judge(`memory, ${store}: highest under that load`, highest, mebibytes),
    judge(`memory, ${store}: idle 10 s later`, residentMebibytes(pid), mebibytes, { below: 300 }),
  ];
};

export const measureAcknowledgments = async (settings: BenchSettings): Promise<readonly Figure[]> => {
  const figures: Figure[] = [];
  const postgres = await startPostgres({ durable: true });
  try {
    const stores = { PostgreSQL: await postgres.createDatabase('drimbox'), embedded: 'embedded' };
    for (const [name, store] of Object.entries(stores)) {
      const site = await startSite({ store, orthanc: { version: settings.orthanc } });
      try {
        figures.push(...(await runRounds(site, name, roundsOf(settings, name === 'PostgreSQL'))));
      } finally {
        await site.stop();
      }
    }
  } finally {
    await postgres.kill();
  }
  return figures;
};
