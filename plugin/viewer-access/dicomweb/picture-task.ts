/** What the threads that draw are asked for, and what they answer. */
import type { ImageAttributes } from '../../dicom-file/index.ts';
import type { ErrorCode } from '../../errors.ts';
import type { PictureLook } from './picture-drawing.ts';

interface FrameOf {
  /** As stored; native ones little endian. Its memory is copied. */
  readonly frame: Uint8Array;
  readonly image: ImageAttributes;
  /** Transfer syntax of `frame`. */
  readonly from: string;
}

export type PictureTask = FrameOf &
  (
    | /** Native, in the layout that the attributes tell. */ { readonly kind: 'decode' }
    | /** Into another code stream. */ { readonly kind: 'code'; readonly to: string; readonly quality: number }
    | /** A JPEG for people. @property maxSide in pixels */ {
        readonly kind: 'draw';
        readonly look: PictureLook;
        readonly maxSide: number;
        readonly quality: number;
      }
  );

/** What a thread makes of a task. */
export type PictureAnswer =
  | { readonly kind: 'made'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'failed'; readonly code: ErrorCode };
