/**
 * Property tests draw from a fixed seed: a failure is the same on every machine and at every run.
 * Another one: `DRIMBOX_TEST_SEED=42 scripts/test`.
 *
 * @see house-style 30
 */
import { configureGlobal, readConfigureGlobal } from 'fast-check';

configureGlobal({ ...readConfigureGlobal(), seed: Number(process.env['DRIMBOX_TEST_SEED'] ?? 20_261_121) });
