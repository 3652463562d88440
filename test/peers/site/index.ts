export { runDrimbox, startSidecar, type SidecarProcess } from './sidecar-process.ts';
export { startStandIn, type StandInProcess } from './stand-in-process.ts';
export { startSite, type Site, type SiteOptions } from './start-site.ts';
export { waitFor } from './wait-for.ts';
