export { askSidecar, controlSocketOf, startControl } from './control.ts';
export { isStoreCommand, runStoreCommand, type StoreCommandPorts, type StoreFigures } from './store-commands.ts';
