/**
 * One random life of a whole site: reports, images, misfortunes, in any order. When all is quiet the DMP holds exactly what the
 * model of the decisions says; and at no moment anything that it must never hold.
 *
 * `DRIMBOX_CHAOS_SEED=42 DRIMBOX_CHAOS_STEPS=5000 npx vitest run --project chaos test/chaos/life-of-a-kos.test.ts`
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { buildExamination } from '../fixtures/examination.ts';
import { startPostgres, type Postgres } from '../peers/postgres/index.ts';
import { startSite, type Site } from '../peers/site/index.ts';
import { LifeActors, type LifeSite } from './life-actors.ts';
import { LifeModel } from './life-model.ts';
import { LifeRegistry } from './life-registry.ts';
import { LifeStory, type Step } from './life-story.ts';
import { LifeWitness } from './life-witness.ts';
import { uidOf } from './life-world.ts';
import { attachPowerSwitch, type PowerSwitch } from './power-cut.ts';
import { describeSecondSidecar } from './second-sidecar.ts';
import { chooseSeed, createChoices } from './seeded-choices.ts';

const numberOf = (name: string, otherwise: number): number => {
  const told = Number(process.env[name]);
  // The sidecar takes every DRIMBOX_… for a key of its configuration.
  delete process.env[name];
  return Number.isSafeInteger(told) && told > 0 ? told : otherwise;
};

const seed = numberOf('DRIMBOX_CHAOS_SEED', chooseSeed());
const steps = numberOf('DRIMBOX_CHAOS_STEPS', 500);
const stepsBetweenQuiet = 60;
const stepsBetweenSamples = 6;
const quietWithinMs = 120_000;
const deletionDelayMs = 3_000;

let site: Site | undefined;
let postgres: Postgres | undefined;
let power: PowerSwitch | undefined;
let actors: LifeActors | undefined;

afterEach(async () => {
  await actors?.stop();
  // Before the actors began, the sidecar and Orthanc are those of the site.
  if (actors === undefined) await site?.stop();
  await site?.dmp.stop();
  await power?.stop();
  await postgres?.kill();
  if (site !== undefined) rmSync(site.folder, { recursive: true, force: true });
  [site, postgres, power, actors] = [undefined, undefined, undefined, undefined];
});

/** A site with short delays, and its second sidecar; neither runs yet. */
const prepare = async (): Promise<LifeSite> => {
  postgres = await startPostgres({ durable: true });
  const url = await postgres.createDatabase('drimbox');
  site = await startSite({
    store: url,
    section: {
      Publication: {
        StabilitySeconds: 0.5,
        RetryFirstDelaySeconds: 0.5,
        RetryMaxDelayMinutes: 0.05,
        SweepMinutes: 0.1,
        SweepAfterStartSeconds: 3,
        AmbiguousDelaySeconds: 3,
        DeletionDelayMinutes: deletionDelayMs / 60_000,
        DailyDeletionLimit: 100_000,
        DailyDeletionPercent: 100,
      },
    },
  });
  await site.sidecar().kill();
  const file = JSON.parse(readFileSync(site.configFile, 'utf8')) as { DrimBox: { Dmp: object } };
  file.DrimBox.Dmp = { ...file.DrimBox.Dmp, TimeoutMs: 1_500, ConnectTimeoutMs: 3_000 };
  writeFileSync(site.configFile, JSON.stringify(file, undefined, 2));
  power = await attachPowerSwitch(postgres);
  const { folder, configFile, env, mllpPort } = site;
  const second = await describeSecondSidecar(site);
  return { site, power, sidecars: [{ folder, name: 'first', configFile, env, mllpPort }, second] };
};

/** The sliding day of decision D3 passes, so that few deletions wait for an administrator. */
const letADayPass = async (cluster: Postgres): Promise<void> => {
  await cluster.run(
    `UPDATE submission SET created_at_utc_ms = created_at_utc_ms - 86400000 WHERE kind = 'delete' AND cause = 'pacs'`,
    'drimbox',
  );
};

/** Waits until the registry is as it must be and stays so. The administrator releases what the DMP refused. */
const becomeQuiet = async (life: LifeSite, witness: LifeWitness, cluster: Postgres): Promise<void> => {
  const from = performance.now();
  let last: readonly string[] = [];
  let quiet = 0;
  for (let turn = 0; performance.now() - from < quietWithinMs; turn += 1) {
    last = await witness.compare();
    quiet = last.length === 0 ? quiet + 1 : 0;
    if (quiet >= 3) return witness.settle();
    if (last.length > 0 && turn % 5 === 1) {
      await letADayPass(cluster);
      await life.site.drimbox('archive', 'release');
      await life.site.drimbox('deletions', 'confirm', '--all');
    }
    await sleep(700);
  }
  throw new Error(`not as it must be after ${quietWithinMs} ms:\n${last.join('\n')}\n${await explain(life, last)}`);
};

interface ShownStudy {
  readonly state: string;
  readonly reason?: string;
  readonly detail?: string;
  readonly nextLookAt?: string;
  readonly reports: readonly object[];
  readonly orders: readonly { readonly kind: string; readonly state: string; readonly failedAttempts: number }[];
  readonly journal: readonly {
    readonly at: string;
    readonly event: string;
    readonly error?: string;
    readonly detail?: object;
  }[];
}

/** What the archive says of the studies that are named in the differences: the first question of who reads a failure. */
const explain = async (life: LifeSite, differences: readonly string[]): Promise<string> => {
  const numbers = [...new Set(differences.flatMap((line) => /^study (\d+):/.exec(line)?.[1] ?? []))].map(Number);
  const told: string[] = [`${new Date().toISOString()} now`];
  for (const number of numbers) {
    const { stdout, stderr } = await life.site.drimbox('archive', 'show', uidOf(number));
    if (!stdout.startsWith('{')) {
      told.push(`study ${number}: ${stdout}${stderr}`);
      continue;
    }
    const { state, reason, detail, nextLookAt, reports, orders, journal } = JSON.parse(stdout) as ShownStudy;
    told.push(
      `study ${number}: ${state} ${reason ?? ''} ${detail ?? ''}, next look ${nextLookAt ?? 'never'}`,
      `  reports ${JSON.stringify(reports)}`,
      `  orders ${orders.map((order) => `${order.kind} ${order.state} ${order.failedAttempts}`).join(', ')}`,
      ...journal
        .slice(-12)
        .map((line) => `  ${line.at} ${line.event} ${line.error ?? ''} ${JSON.stringify(line.detail ?? {})}`),
    );
  }
  return told.join('\n');
};

const say = (text: string): void => console.log(`      ${text}`);

const describeStep = (number: number, step: Step): string => `${number} ${JSON.stringify(step)}`;

describe('the life of many KOS', () => {
  test(
    `${steps} random steps: the DMP holds what the decisions say, never anything else`,
    async () => {
      const stream = (actor: string) => createChoices(seed, actor);
      const life = await prepare();
      const cluster = postgres as Postgres;
      say(`seed ${seed} (DRIMBOX_CHAOS_SEED repeats the draws), ${steps} steps, work in ${life.site.folder}`);
      const model = new LifeModel();
      const registry = new LifeRegistry(life.site.dmp);
      const witness = new LifeWitness(model, registry, { deletionDelayMs });
      const cast = new LifeActors(life, model, stream('actors'), () => witness.remember());
      actors = cast;
      witness.watch(cast);
      await cast.start();
      // Something that is always there, so that "not found" means something (decision D1).
      for (const { bytes } of buildExamination({ number: 900, instancesPerSeries: 1 }).instances) {
        await cast.storeControl(bytes);
      }
      witness.remember();
      const story = new LifeStory(model, stream('story'));
      const pauses = stream('pauses');
      const told: string[] = [];
      const tail = (): string => `seed ${seed}, the last steps:\n${told.slice(-40).join('\n')}`;
      const check = async (): Promise<void> => {
        const wrong = await witness.sample();
        if (wrong.length === 0) return;
        throw new Error(`${wrong.join('\n')}\n${await explain(life, wrong)}\n${tail()}`);
      };
      const settle = async (number: number): Promise<void> => {
        const from = performance.now();
        await cast.calm();
        await becomeQuiet(life, witness, cluster).catch((error: unknown) => {
          throw new Error(`${error instanceof Error ? error.message : ''}\nstep ${number}, ${tail()}`, {
            cause: error,
          });
        });
        await check();
        say(`step ${number}: quiet after ${((performance.now() - from) / 1000).toFixed(1)} s`);
      };
      for (let number = 1; number <= steps; number += 1) {
        const step = story.draw();
        told.push(describeStep(number, step));
        await cast.do(step);
        if (cast.failure !== undefined) throw new Error(tail(), { cause: cast.failure });
        if (number % stepsBetweenSamples === 0) await check();
        if (number % stepsBetweenQuiet === 0 || number === steps) await settle(number);
        else await sleep(pauses.chance(0.15) ? pauses.between(1_000, 4_500) : pauses.between(0, 500));
      }
      const entries = await registry.read();
      say(`${entries.length} manifests submitted, ${witness.deletions} deleted; met: ${JSON.stringify(cast.met)}`);
      if (steps >= 200) expect(witness.deletions).toBeGreaterThan(0);
    },
    Math.max(900_000, steps * 3_000),
  );
});
