/** Migrations: all of them for the service; those of a backup for its restoration. */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Knex } from 'knex';

const migrationsFolder = new URL('../../migrations/', import.meta.url);

/** Of the advisory lock that one migrating process holds ("DRIM"). */
export const migrationLock = 0x44_52_49_4d;

/** Names of the migrations that this version knows, in their order. */
export const knownMigrations = async (): Promise<readonly string[]> =>
  (await readdir(fileURLToPath(migrationsFolder))).filter((name) => name.endsWith('.ts')).toSorted();

/** Names of the migrations that this database has, in their order; none when it has no table of ours. */
export const appliedMigrations = async (db: Knex): Promise<readonly string[]> => {
  if (!(await db.schema.hasTable('knex_migrations'))) return [];
  const names: string[] = await db('knex_migrations').orderBy('id').pluck('name');
  return names;
};

const sourceOf = (names: readonly string[]): Knex.MigrationSource<string> => ({
  getMigrations: () => Promise.resolve([...names]),
  getMigrationName: (name) => name,
  getMigration: (name) => import(new URL(name, migrationsFolder).href) as Promise<Knex.Migration>,
});

/** Brings the tables to the state after these migrations, in the transaction where `db` is one. */
export const applyMigrations = async (db: Knex, names: readonly string[]): Promise<void> => {
  const migrationSource = sourceOf(names);
  await db.migrate.forceFreeMigrationsLock({ migrationSource });
  await db.migrate.latest({ migrationSource });
};

/** Forgets that any migration was applied: its tables are gone. */
export const forgetMigrations = async (trx: Knex.Transaction): Promise<void> => {
  await trx.schema.dropTableIfExists('knex_migrations');
  await trx.schema.dropTableIfExists('knex_migrations_lock');
};
