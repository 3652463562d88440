/**
 * Which keys each type of directory record has: a pure table.
 *
 * Type 1 has always a value, type 2 may be empty, type 3 is left out when empty. Beyond what the standard requires there are
 * only the keys that dcmmkdir writes too, and that viewers show in their lists.
 *
 * @see PS3.3 F.5.1–F.5.48, table 10-12 (content identification), edition 2024d
 */
import type { RecordType } from './record-types.ts';

export interface KeyRule {
  readonly tag: number;
  readonly vr: 'CS' | 'DA' | 'DS' | 'DT' | 'IS' | 'LO' | 'PN' | 'SH' | 'ST' | 'TM' | 'UI' | 'UL' | 'US';
  readonly type: 1 | 2 | 3;
  /** Where the value is looked for after `tag`. */
  readonly alternatives?: readonly number[];
  /** Written when a type 1 key has no usable value; absent: the place of the record in its list. */
  readonly fallback?: string;
  /** Bytes, where it is not `maxValueBytes` of the VR. */
  readonly maxBytes?: number;
}

/** A longer value is cut: characters of the VR, of up to four bytes each. */
export const maxValueBytes: Readonly<Record<KeyRule['vr'], number>> = {
  CS: 16,
  DA: 8,
  DS: 16,
  DT: 26,
  IS: 12,
  LO: 256,
  PN: 512,
  SH: 64,
  ST: 512,
  TM: 14,
  UI: 64,
  UL: 4,
  US: 2,
};

const studyDates = [0x00080021, 0x00080022, 0x00080023, 0x00080012];
const instanceDates = [0x00080022, 0x00080012, 0x00080021, 0x00080020];
const instanceTimes = [0x00080032, 0x00080013, 0x00080031, 0x00080030];
/** No file tells any date. */
const unknownDate = '19000101';
const unknownTime = '000000';

export const characterSetKey: KeyRule = { tag: 0x00080005, vr: 'CS', type: 3, maxBytes: 128 };

export const patientKeys: readonly KeyRule[] = [
  { tag: 0x00100010, vr: 'PN', type: 2 },
  { tag: 0x00100020, vr: 'LO', type: 1 },
  { tag: 0x00100030, vr: 'DA', type: 2 },
  { tag: 0x00100040, vr: 'CS', type: 2 },
];

export const studyKeys: readonly KeyRule[] = [
  { tag: 0x00080020, vr: 'DA', type: 1, alternatives: studyDates, fallback: unknownDate },
  { tag: 0x00080030, vr: 'TM', type: 1, alternatives: [0x00080031, 0x00080032, 0x00080033], fallback: unknownTime },
  { tag: 0x00080050, vr: 'SH', type: 2 },
  { tag: 0x00081030, vr: 'LO', type: 2 },
  { tag: 0x0020000d, vr: 'UI', type: 1 },
  { tag: 0x00200010, vr: 'SH', type: 1 },
];

export const seriesKeys: readonly KeyRule[] = [
  { tag: 0x00080060, vr: 'CS', type: 1, fallback: 'OT' },
  { tag: 0x00080080, vr: 'LO', type: 3 },
  { tag: 0x0008103e, vr: 'LO', type: 3 },
  { tag: 0x0020000e, vr: 'UI', type: 1 },
  { tag: 0x00200011, vr: 'IS', type: 1 },
];

const instanceNumber: KeyRule = { tag: 0x00200013, vr: 'IS', type: 1 };
const contentMoment: readonly KeyRule[] = [
  { tag: 0x00080023, vr: 'DA', type: 1, alternatives: instanceDates, fallback: unknownDate },
  { tag: 0x00080033, vr: 'TM', type: 1, alternatives: instanceTimes, fallback: unknownTime },
];
const contentIdentification: readonly KeyRule[] = [
  instanceNumber,
  { tag: 0x00700080, vr: 'CS', type: 1, fallback: 'UNNAMED' },
  { tag: 0x00700081, vr: 'LO', type: 2 },
  { tag: 0x00700084, vr: 'PN', type: 2 },
];
const described = [...contentMoment, ...contentIdentification];
const treated: readonly KeyRule[] = [
  instanceNumber,
  { tag: 0x30080250, vr: 'DA', type: 2 },
  { tag: 0x30080251, vr: 'TM', type: 2 },
];

/** By type of record; sequences apart. */
export const leafKeys: Readonly<Record<RecordType, readonly KeyRule[]>> = {
  IMAGE: [
    { tag: 0x00080008, vr: 'CS', type: 3, maxBytes: 128 },
    instanceNumber,
    { tag: 0x00280008, vr: 'IS', type: 3 },
    { tag: 0x00280010, vr: 'US', type: 3 },
    { tag: 0x00280011, vr: 'US', type: 3 },
  ],
  'RT DOSE': [instanceNumber, { tag: 0x3004000a, vr: 'CS', type: 1, fallback: 'PLAN' }],
  'RT STRUCTURE SET': [
    instanceNumber,
    { tag: 0x30060002, vr: 'SH', type: 1, fallback: 'UNNAMED' },
    { tag: 0x30060008, vr: 'DA', type: 2 },
    { tag: 0x30060009, vr: 'TM', type: 2 },
  ],
  'RT PLAN': [
    instanceNumber,
    { tag: 0x300a0002, vr: 'SH', type: 1, fallback: 'UNNAMED' },
    { tag: 0x300a0006, vr: 'DA', type: 2 },
    { tag: 0x300a0007, vr: 'TM', type: 2 },
  ],
  'RT TREAT RECORD': treated,
  PRESENTATION: [
    ...contentIdentification,
    { tag: 0x00700082, vr: 'DA', type: 1, alternatives: instanceDates, fallback: unknownDate },
    { tag: 0x00700083, vr: 'TM', type: 1, alternatives: instanceTimes, fallback: unknownTime },
  ],
  WAVEFORM: [...contentMoment, instanceNumber],
  'SR DOCUMENT': [
    ...contentMoment,
    instanceNumber,
    { tag: 0x0040a491, vr: 'CS', type: 1, fallback: 'PARTIAL' },
    { tag: 0x0040a493, vr: 'CS', type: 1, fallback: 'UNVERIFIED' },
  ],
  'KEY OBJECT DOC': [...contentMoment, instanceNumber],
  SPECTROSCOPY: [
    { tag: 0x00080008, vr: 'CS', type: 1, maxBytes: 128, fallback: 'ORIGINAL\\PRIMARY' },
    ...contentMoment,
    instanceNumber,
    { tag: 0x00280008, vr: 'IS', type: 1 },
    { tag: 0x00280010, vr: 'US', type: 1 },
    { tag: 0x00280011, vr: 'US', type: 1 },
    { tag: 0x00289001, vr: 'UL', type: 1 },
    { tag: 0x00289002, vr: 'UL', type: 1 },
  ],
  'RAW DATA': [...contentMoment, { ...instanceNumber, type: 2 }],
  REGISTRATION: described,
  FIDUCIAL: described,
  'ENCAP DOC': [
    { tag: 0x00080023, vr: 'DA', type: 2 },
    { tag: 0x00080033, vr: 'TM', type: 2 },
    instanceNumber,
    { tag: 0x0040e001, vr: 'ST', type: 3 },
    { tag: 0x00420010, vr: 'ST', type: 2 },
    { tag: 0x00420012, vr: 'LO', type: 1, fallback: 'application/octet-stream' },
  ],
  'VALUE MAP': described,
  STEREOMETRIC: [],
  MEASUREMENT: described,
  SURFACE: described,
  'SURFACE SCAN': contentMoment,
  TRACT: described,
  ASSESSMENT: [
    { tag: 0x00080012, vr: 'DA', type: 1, alternatives: [0x00080023, 0x00080020], fallback: unknownDate },
    { tag: 0x00080013, vr: 'TM', type: 2 },
    instanceNumber,
  ],
  RADIOTHERAPY: [
    ...contentMoment,
    instanceNumber,
    { tag: 0x00700081, vr: 'LO', type: 2 },
    { tag: 0x00700084, vr: 'PN', type: 2 },
    { tag: 0x30100033, vr: 'SH', type: 1, fallback: 'UNNAMED' },
    { tag: 0x30100034, vr: 'LO', type: 2 },
  ],
  ANNOTATION: described,
  PRIVATE: [{ ...instanceNumber, type: 3 }],
};

const headerBytes = 8;

/** The most that these keys, and the character set with them, may take. */
export const maxKeyBytes = (rules: readonly KeyRule[]): number =>
  [characterSetKey, ...rules].reduce((sum, { vr, maxBytes }) => sum + headerBytes + (maxBytes ?? maxValueBytes[vr]), 0);
