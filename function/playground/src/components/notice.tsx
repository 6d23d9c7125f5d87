import type { ReactNode } from 'react';

export interface NoticeProps {
  kind: 'error' | 'warning' | 'info';
  title: string;
  children?: ReactNode;
}

/** Something to know. Errors are read out at once, the rest when there is a pause. */
export function Notice({ kind, title, children }: NoticeProps) {
  return (
    <div className={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      <p className="notice-title">{title}</p>
      {children !== undefined && <div className="notice-text">{children}</div>}
    </div>
  );
}
