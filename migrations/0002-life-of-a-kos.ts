/**
 * The life of a KOS: images that vanish from the PACS, comparisons of the whole archive, imported studies, notices of alerts.
 */
import type { Knex } from 'knex';

/** Deletions caused by the PACS: since when it says that it has none, and who confirmed (decisions D1–D3). */
const extendStudy = async (knex: Knex): Promise<void> => {
  await knex.schema.alterTable('study', (table) => {
    table.bigInteger('absent_since_utc_ms');
    table.bigInteger('deletion_over_limit_at_utc_ms');
    table.bigInteger('deletion_confirmed_at_utc_ms');
    // Facts that no later look undoes: only a new report, or an administrator.
    table.bigInteger('withdrawn_at_utc_ms');
    table.bigInteger('refused_submission_id');
    // Reports about the study so far: an order that a report overtakes must not leave.
    table.bigInteger('report_number').notNullable().defaultTo(0);
  });
  // Orthanc tells a deletion by the id of what is gone: the first 8 bytes of the ids of series and instances find their study.
  await knex.schema.createTable('study_object', (table) => {
    table.text('study_uid').primary().references('study.study_uid');
    table.text('content_fingerprint').notNullable();
    table.specificType('keys', 'bigint[]').notNullable();
  });
  await knex.raw(`CREATE INDEX study_object_keys ON study_object USING gin (keys)`);
};

/** Why an order was made, and where what the archive holds came from. */
const extendSubmission = async (knex: Knex): Promise<void> => {
  await knex.schema.alterTable('submission', (table) => {
    table.text('cause').notNullable().defaultTo('report');
    table.text('origin').notNullable().defaultTo('order');
  });
  await knex.raw(
    `CREATE INDEX submission_pacs_deletion ON submission (created_at_utc_ms) WHERE kind = 'delete' AND cause = 'pacs'`,
  );
  // A report that came with an archive came with no message.
  await knex.schema.alterTable('report', (table) => {
    table.setNullable('message_id');
  });
};

const createComparison = async (knex: Knex): Promise<void> => {
  await knex.schema.createTable('comparison_run', (table) => {
    table.bigIncrements('id');
    table.text('purpose').notNullable();
    table.text('phase').notNullable();
    table.bigInteger('started_at_utc_ms').notNullable();
    table.bigInteger('updated_at_utc_ms').notNullable();
    table.bigInteger('finished_at_utc_ms');
    table.text('position').notNullable().defaultTo('');
    table.integer('total').notNullable().defaultTo(0);
    table.jsonb('figures').notNullable();
    table.text('lease_token');
    table.bigInteger('lease_until_utc_ms');
  });
  await knex.raw(
    `CREATE UNIQUE INDEX comparison_one_open ON comparison_run (purpose) WHERE finished_at_utc_ms IS NULL`,
  );
  await knex.schema.createTable('comparison_finding', (table) => {
    table.bigInteger('run_id').notNullable().references('comparison_run.id');
    table.text('study_uid').notNullable();
    table.text('finding').notNullable();
    table.bigInteger('asked_at_utc_ms');
    table.bigInteger('looked_at_utc_ms');
    table.primary(['run_id', 'study_uid']);
  });
  await knex.raw(
    `CREATE INDEX comparison_finding_open ON comparison_finding (run_id, study_uid) WHERE looked_at_utc_ms IS NULL`,
  );
};

/** What was told of each alert, by which channel. */
const createNotice = async (knex: Knex): Promise<void> => {
  await knex.raw(`CREATE INDEX alert_subject ON alert (subject) WHERE cleared_at_utc_ms IS NULL`);
  await knex.schema.createTable('alert_notice', (table) => {
    table.bigInteger('alert_id').notNullable().references('alert.id');
    table.text('channel').notNullable();
    table.bigInteger('due_at_utc_ms').notNullable();
    table.bigInteger('sent_at_utc_ms');
    table.bigInteger('cleared_told_at_utc_ms');
    table.integer('failed_attempts').notNullable().defaultTo(0);
    table.text('last_error');
    table.primary(['alert_id', 'channel']);
  });
};

export const up = async (knex: Knex): Promise<void> => {
  await extendStudy(knex);
  await extendSubmission(knex);
  await createComparison(knex);
  await createNotice(knex);
};

/** Forward only: a medical archive is never taken back. */
export const down = (): Promise<void> => Promise.reject(new Error('migrations go forward only'));
