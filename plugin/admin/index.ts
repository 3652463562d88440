export { askSidecar, controlSocketOf, startControl } from './control.ts';
export { runStoreCommand, type StoreCommandPorts, type StoreFigures } from './store-commands.ts';
