import type { ReactNode } from 'react';
import type { ErrorDescription } from '../lib/describe-error.ts';
import { Notice } from './notice.tsx';

/** An error in words, with what to do about it. */
export function ErrorNotice({ error, children }: { error: ErrorDescription; children?: ReactNode }) {
  const { title, advice, requestId } = error;
  return (
    <Notice kind="error" title={title}>
      <p>{advice}</p>
      {requestId !== undefined && <p className="small">Request {requestId}</p>}
      {children}
    </Notice>
  );
}
