export { askSidecar, controlSocketOf, startControl } from './control.ts';
export { isStoreCommand, runStoreCommand, type StoreCommandPorts } from './store-commands.ts';
