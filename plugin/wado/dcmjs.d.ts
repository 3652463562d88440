/** The little of dcmjs that is used here; the package brings no types. */
declare module 'dcmjs' {
  const dcmjs: {
    readonly data: {
      readonly DicomMessage: {
        /** @throws anything, on a file that it cannot read */
        readFile(
          file: ArrayBufferLike,
          options: { readonly untilTag?: string; readonly ignoreErrors?: boolean },
        ): { readonly meta: object; readonly dict: object };
      };
    };
  };
  export default dcmjs;
}
