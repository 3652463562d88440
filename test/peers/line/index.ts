export type { LineShape } from './line-shape.ts';
export { type Line, type LineMeter, startLine } from './start-line.ts';
