export { selectManifestInstances, type KeyObject } from './instance-selection.ts';
export type {
  Manifest,
  ManifestContent,
  ManifestInstance,
  ManifestIssuedId,
  ManifestRequest,
  ManifestSeries,
  ManifestStamp,
  ReadManifestSeries,
} from './manifest.ts';
export { buildManifest, type ManifestBuildOptions } from './manifest-builder.ts';
export { manifestFingerprint, type ManifestFingerprintInput } from './manifest-fingerprint.ts';
export { parseManifest } from './manifest-parser.ts';
export { ManifestRemark, manifestRemarks } from './manifest-values.ts';
export { kosOptions, type KosOptions } from './options.ts';
export { timeZoneOffset } from './time-zone-offset.ts';
