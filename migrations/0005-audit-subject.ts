/** Who a patient is to FranceConnect+: the audit names a person who opened images without naming traits (decision A6). */
import type { Knex } from 'knex';

export const up = async (knex: Knex): Promise<void> => {
  await knex.schema.alterTable('audit', (table) => {
    table.text('actor_subject');
    table.index(['actor_subject']);
  });
};

/** Forward only: a medical archive is never taken back. */
export const down = (): Promise<void> => Promise.reject(new Error('migrations go forward only'));
