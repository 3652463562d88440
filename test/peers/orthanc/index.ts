export * from './start-orthanc.ts';
export * from './fake-orthanc.ts';
export * from './silent-sidecar.ts';
export * from './devtools-browser.ts';
