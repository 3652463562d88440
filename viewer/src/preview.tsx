/** A picture made by the server; a word in its place where there is none, or where it cannot be drawn. */
import { useState } from 'react';

export interface PreviewProps {
  readonly path: string | undefined;
  readonly words: string;
  /** Asked for only when it comes into sight. */
  readonly isLazy?: boolean;
  /** It is there, or is known never to be. */
  readonly onSettled?: () => void;
}

export const Preview = ({ path, words, isLazy = false, onSettled }: PreviewProps) => {
  const [isBroken, setBroken] = useState(false);
  if (path === undefined || isBroken) {
    return (
      <span className="no-preview" aria-hidden="true">
        {words}
      </span>
    );
  }
  const giveUp = (): void => {
    setBroken(true);
    onSettled?.();
  };
  const loading = isLazy ? 'lazy' : 'eager';
  return <img src={path} alt="" width={96} height={96} loading={loading} onLoad={onSettled} onError={giveUp} />;
};
