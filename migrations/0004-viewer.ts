/**
 * Sessions of the viewer: who is signed in, what they may look at, sign-ins under way, and counts against guessing.
 *
 * None of it is archive: rows live minutes or hours and are deleted, and no backup has them (a restored archive signs everybody
 * out). Contents are sealed under the secret of the browser's cookie, which the database never has: at rest there are digests,
 * times and ciphertext.
 */
import type { Knex } from 'knex';

const createSession = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('viewer_session', (table) => {
    table.bigIncrements('id');
    table.text('cookie_sha256').notNullable().unique();
    table.text('provider').notNullable();
    // Of provider, issuer and subject.
    table.text('person_sha256').notNullable();
    // Of provider, issuer and the provider's own session (`sid`).
    table.text('provider_session_sha256');
    table.bigInteger('created_at_utc_ms').notNullable();
    table.bigInteger('seen_at_utc_ms').notNullable();
    table.bigInteger('ends_at_utc_ms').notNullable();
    table.binary('sealed').notNullable();
    table.index(['person_sha256']);
    table.index(['provider_session_sha256']);
  });
  await knex.schema.createTable('viewer_grant', (table) => {
    // Means nothing without the cookie of its session.
    table.text('value').primary();
    table.bigInteger('session_id').notNullable().references('viewer_session.id').onDelete('CASCADE');
    table.bigInteger('created_at_utc_ms').notNullable();
    table.binary('sealed').notNullable();
    table.index(['session_id']);
  });
};

const createAttempt = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('sign_in_attempt', (table) => {
    table.text('state_sha256').primary();
    table.text('browser_sha256').notNullable();
    table.text('provider').notNullable();
    table.bigInteger('started_at_utc_ms').notNullable();
    table.binary('sealed').notNullable();
    table.index(['started_at_utc_ms']);
  });
};

const createCounts = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('viewer_tally', (table) => {
    table.text('scope').notNullable();
    table.text('key_sha256').notNullable();
    // When the slot begins.
    table.bigInteger('slot_utc_ms').notNullable();
    table.integer('count').notNullable();
    table.primary(['scope', 'key_sha256', 'slot_utc_ms']);
    table.index(['slot_utc_ms']);
  });
  // A logout that the provider told before the session was written: the session is not begun.
  await knex.schema.createTable('viewer_ended_provider_session', (table) => {
    table.text('provider_session_sha256').primary();
    table.bigInteger('until_utc_ms').notNullable();
    table.index(['until_utc_ms']);
  });
};

export const up = async (knex: Knex): Promise<void> => {
  await createSession(knex);
  await createAttempt(knex);
  await createCounts(knex);
};

/** Forward only: a medical archive is never taken back. */
export const down = (): Promise<void> => Promise.reject(new Error('migrations go forward only'));
