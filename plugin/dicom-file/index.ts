export { attributeBytes, attributeNumbers, attributeText } from './attribute-values.ts';
export type { ElementValue } from './element-encoder.ts';
export { encapsulate, type EncapsulationOptions } from './encapsulation.ts';
export { toExplicitLittleEndian, withPlainSequences } from './explicit-conversion.ts';
export { assembleFile, type FilePlan, type FileSegment, segmentLength } from './file-plan.ts';
export { buildFile, type ElementChange, type FileRewrite, type NewPixelData } from './file-rebuilding.ts';
export { readFrames } from './frames.ts';
export { checkIdentity, type ExpectedIdentity } from './identity-check.ts';
export { inflateDataset } from './inflate-dataset.ts';
export { planInsSplice } from './ins-splice.ts';
export { readOutline, type OutlineReadingOptions } from './outline-reader.ts';
export type {
  DicomFileOutline,
  ElementPlace,
  ImageAttributes,
  OtherPatientId,
  OtherPatientIdsPlace,
  OutlineLimits,
  OutlineReading,
  PixelPlace,
} from './outline.ts';
export { pixelDataBytes } from './pixel-data.ts';
export { datasetEncodingOf, isDeflatedSyntax, isEncapsulatedSyntax, transferSyntaxUids } from './transfer-syntax.ts';
export type { DatasetEncoding } from './transfer-syntax.ts';
