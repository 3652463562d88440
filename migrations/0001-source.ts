/**
 * First tables: what was received, built, sent and answered, and when a study deserves its next look.
 *
 * Times are milliseconds since 1970 UTC, written by the sidecar's clock. Large values are not compressed by the database
 * (base64 and deflated PDF do not shrink; trying costs the acknowledgment its time).
 */
import type { Knex } from 'knex';

const createMessage = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('message', (table) => {
    table.bigIncrements('id');
    table.bigInteger('received_at_utc_ms').notNullable();
    table.text('peer_address').notNullable();
    table.text('sender_application').notNullable();
    table.text('sender_facility').notNullable();
    table.text('control_id').notNullable();
    table.text('message_type').notNullable();
    table.text('content_sha256').notNullable();
    table.binary('raw');
    table.text('outcome').notNullable();
    table.text('error_code');
    table.text('error_detail');
  });
  await knex.raw(`ALTER TABLE message ALTER COLUMN raw SET STORAGE EXTERNAL`);
  await knex.raw(
    `CREATE UNIQUE INDEX message_accepted_once ON message (sender_application, sender_facility, control_id, content_sha256)
     WHERE outcome = 'accepted'`,
  );
  await knex.raw(`CREATE INDEX message_received ON message (received_at_utc_ms)`);
};

const createReport = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('report', (table) => {
    table.bigIncrements('id');
    table.bigInteger('message_id').notNullable().references('message.id');
    table.bigInteger('received_at_utc_ms').notNullable();
    table.text('document_key').notNullable();
    table.specificType('parent_keys', 'text[]').notNullable();
    table.text('action').notNullable();
    table.text('state').notNullable();
    table.text('ins_value').notNullable();
    table.text('ins_oid').notNullable();
    table.boolean('sent_to_dmp').notNullable();
    table.jsonb('header').notNullable();
    table.jsonb('transmission').notNullable();
    table.binary('cda').notNullable();
  });
  await knex.raw(`ALTER TABLE report ALTER COLUMN cda SET STORAGE EXTERNAL`);
  await knex.raw(`CREATE INDEX report_document ON report (document_key)`);
  await knex.raw(`CREATE INDEX report_parents ON report USING gin (parent_keys)`);
  await knex.schema.createTable('report_study', (table) => {
    table.bigInteger('report_id').notNullable().references('report.id');
    table.integer('position').notNullable();
    table.text('study_uid').notNullable();
    table.primary(['report_id', 'position']);
    table.index(['study_uid']);
  });
};

const createStudy = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('study', (table) => {
    table.text('study_uid').primary();
    table.text('state').notNullable();
    table.text('reason_code');
    table.text('reason_detail');
    table.bigInteger('first_report_at_utc_ms').notNullable();
    table.bigInteger('images_deadline_at_utc_ms').notNullable();
    table.text('orthanc_study_id');
    table.text('content_fingerprint');
    table.bigInteger('content_since_utc_ms');
    table.bigInteger('published_submission_id');
    table.bigInteger('updated_at_utc_ms').notNullable();
    table.bigInteger('look_due_at_utc_ms');
    table.bigInteger('look_number').notNullable().defaultTo(0);
    table.bigInteger('lease_until_utc_ms');
    table.text('lease_token');
    table.integer('failed_looks').notNullable().defaultTo(0);
  });
  await knex.raw(`CREATE INDEX study_look_due ON study (look_due_at_utc_ms) WHERE look_due_at_utc_ms IS NOT NULL`);
  await knex.raw(`CREATE INDEX study_orthanc ON study (orthanc_study_id)`);
  await knex.raw(`CREATE INDEX study_state ON study (state)`);
};

const createSubmission = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('submission', (table) => {
    table.bigIncrements('id');
    table.text('study_uid').notNullable().references('study.study_uid');
    table.text('kind').notNullable();
    table.text('state').notNullable();
    table.bigInteger('report_id').references('report.id');
    table.bigInteger('previous_submission_id').references('submission.id');
    table.integer('version').notNullable();
    table.text('fingerprint').notNullable();
    table.text('structure_id').notNullable();
    table.text('document_uid').notNullable();
    table.text('submission_set_uid').notNullable();
    table.text('signature_uid').notNullable();
    table.jsonb('sender').notNullable();
    table.jsonb('manifest').notNullable();
    table.text('metadata').notNullable();
    table.binary('kos').notNullable();
    table.binary('signature').notNullable();
    table.bigInteger('created_at_utc_ms').notNullable();
    table.bigInteger('sent_at_utc_ms');
    table.bigInteger('first_sent_at_utc_ms');
    table.bigInteger('settled_at_utc_ms');
    table.integer('failed_attempts').notNullable().defaultTo(0);
    table.bigInteger('next_attempt_at_utc_ms');
    table.integer('late_checks').notNullable().defaultTo(0);
    table.text('entry_uuid');
    table.index(['study_uid']);
  });
  await knex.raw(`CREATE UNIQUE INDEX submission_document ON submission (document_uid) WHERE kind <> 'delete'`);
  await knex.raw(`CREATE UNIQUE INDEX submission_one_open ON submission (study_uid) WHERE state = 'open'`);
  await knex.schema.createTable('answer', (table) => {
    table.bigIncrements('id');
    table.bigInteger('submission_id').notNullable().references('submission.id');
    table.bigInteger('at_utc_ms').notNullable();
    table.text('transaction').notNullable();
    table.text('outcome').notNullable();
    table.text('error_code');
    table.text('body').notNullable();
    table.index(['submission_id']);
  });
};

const createJournal = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('event', (table) => {
    table.bigIncrements('id');
    table.bigInteger('at_utc_ms').notNullable();
    table.text('name').notNullable();
    table.text('study_uid');
    table.text('control_id');
    table.text('error_code');
    table.jsonb('detail').notNullable();
    table.integer('statistic');
    table.text('structure_id');
    table.index(['study_uid']);
    table.index(['at_utc_ms']);
  });
  await knex.schema.createTable('alert', (table) => {
    table.bigIncrements('id');
    table.text('code').notNullable();
    table.text('subject').notNullable();
    table.text('detail').notNullable();
    table.integer('count').notNullable();
    table.bigInteger('raised_at_utc_ms').notNullable();
    table.bigInteger('last_at_utc_ms').notNullable();
    table.bigInteger('seen_at_utc_ms');
    table.bigInteger('cleared_at_utc_ms');
  });
  await knex.raw(`CREATE UNIQUE INDEX alert_open ON alert (code, subject) WHERE cleared_at_utc_ms IS NULL`);
  await knex.schema.createTable('marker', (table) => {
    table.text('name').primary();
    table.text('value').notNullable();
    table.bigInteger('at_utc_ms').notNullable();
  });
};

export const up = async (knex: Knex): Promise<void> => {
  await createMessage(knex);
  await createReport(knex);
  await createStudy(knex);
  await createSubmission(knex);
  await createJournal(knex);
};

/** Forward only: a medical archive is never taken back. */
export const down = (): Promise<void> => Promise.reject(new Error('migrations go forward only'));
