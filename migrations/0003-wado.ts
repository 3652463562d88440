/**
 * Images for other DRIMboxes: who asked for what and what left (audit), and how fast the PACS gives (speed tests).
 *
 * The audit is append-only, and the database holds us to it: a row may be finished while it is under way, a row that counts
 * refusals may count on, and after the retention the identities of a row may be erased. Nothing is ever deleted.
 */
import type { Knex } from 'knex';

const createAudit = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('audit', (table) => {
    table.bigIncrements('id');
    table.bigInteger('at_utc_ms').notNullable();
    table.bigInteger('finished_at_utc_ms');
    table.text('transaction').notNullable();
    table.text('outcome').notNullable();
    table.integer('http_status');
    table.text('reason_code');
    table.text('correlation_id').notNullable();
    table.text('address').notNullable();
    table.text('peer_subject');
    table.text('peer_entry');
    table.text('actor_national_id');
    table.text('actor_client');
    table.text('patient_ins');
    table.text('patient_ins_oid');
    table.text('study_uid');
    table.text('series_uid');
    table.text('sop_uid');
    table.text('kos_uid');
    table.text('level');
    table.text('accept');
    table.integer('objects').notNullable().defaultTo(0);
    table.bigInteger('bytes').notNullable().defaultTo(0);
    table.jsonb('syntaxes').notNullable();
    table.integer('first_byte_ms');
    table.integer('duration_ms');
    // More than one: refusals of a flood, counted in one row.
    table.boolean('is_count').notNullable().defaultTo(false);
    table.integer('count').notNullable().defaultTo(1);
    // Of the process that serves; past it, the process is gone and so is what it served.
    table.bigInteger('lease_until_utc_ms');
    table.bigInteger('erased_at_utc_ms');
    table.index(['at_utc_ms']);
    table.index(['study_uid']);
    table.index(['actor_national_id']);
  });
  await knex.raw(`CREATE INDEX audit_under_way ON audit (lease_until_utc_ms) WHERE outcome = 'under-way'`);
  await knex.raw(`CREATE INDEX audit_not_erased ON audit (at_utc_ms) WHERE erased_at_utc_ms IS NULL`);
};

const keepAudit = async (knex: Knex): Promise<void> => {
  await knex.raw(
    `CREATE OR REPLACE FUNCTION audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF TG_OP = 'UPDATE' AND (
         OLD.outcome IN ('under-way', 'interrupted')
         OR (OLD.is_count AND NEW.count >= OLD.count)
         OR (OLD.erased_at_utc_ms IS NULL AND NEW.erased_at_utc_ms IS NOT NULL)
         OR OLD IS NOT DISTINCT FROM NEW
       ) THEN
         RETURN NEW;
       END IF;
       RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = '23514';
     END $$`,
  );
  await knex.raw(
    `CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_keep()`,
  );
};

/** Figures of the speed tests of the PACS (DB.SO.102, DB.SO.155, DB.SO.156). */
const createPacsSpeed = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('pacs_speed', (table) => {
    table.bigIncrements('id');
    table.bigInteger('at_utc_ms').notNullable();
    table.text('study_uid').notNullable();
    table.text('reader').notNullable();
    table.integer('images').notNullable();
    table.bigInteger('bytes').notNullable();
    table.double('first_image_ms').notNullable();
    table.double('total_ms').notNullable();
    table.jsonb('syntaxes').notNullable();
    table.index(['at_utc_ms']);
  });
};

export const up = async (knex: Knex): Promise<void> => {
  await createAudit(knex);
  await keepAudit(knex);
  await createPacsSpeed(knex);
};

/** Forward only: a medical archive is never taken back. */
export const down = (): Promise<void> => Promise.reject(new Error('migrations go forward only'));
