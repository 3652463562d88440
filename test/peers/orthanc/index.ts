export * from './start-orthanc.ts';
export * from './fake-orthanc.ts';
