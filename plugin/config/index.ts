export type { ConfigurationFileReader, FileFacts } from './configuration-files.ts';
export { diskFileReader } from './configuration-files.ts';
export { describeConfiguration, formatConfigurationTable, type OptionDescription } from './describe-configuration.ts';
export { environmentName } from './environment-overrides.ts';
export { type ConfigurationFault, configurationFaults, formatFaults } from './faults.ts';
export { type Configuration, type ConfigurationSource, loadConfiguration } from './load-configuration.ts';
export { type ConfigurationOptions, configurationSchema } from './schema.ts';
