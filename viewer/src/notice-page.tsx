/** A page that says one thing and what to do; nothing of the examination is left on the screen. */
import { useEffect, useRef, type ReactNode } from 'react';

export interface NoticePageProps {
  readonly title: string;
  readonly code?: string;
  readonly children: ReactNode;
}

export const NoticePage = ({ title, code, children }: NoticePageProps) => {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} — Images de l’examen`;
    heading.current?.focus();
  }, [title]);
  return (
    <main className="notice">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
      {code !== undefined && (
        <p className="code">
          Code pour l’assistance : <code>{code}</code>
        </p>
      )}
    </main>
  );
};
