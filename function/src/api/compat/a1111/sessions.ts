import type { Job } from '@safelight/sdk/contract';
import type { A1111Options } from './options.ts';

/** What AUTOMATIC1111 keeps between requests: one for each owner. Lost when the server stops. */
export interface Session {
  options: Partial<A1111Options>;
  /** Those whose callers wait here, as they are now. */
  jobs: Map<string, Job>;
}

/** Owners are those who have an API key: there are no more sessions than keys. */
export const createSessions = (): ((owner: string) => Session) => {
  const sessions = new Map<string, Session>();
  return (owner) => {
    const session = sessions.get(owner) ?? { options: {}, jobs: new Map() };
    sessions.set(owner, session);
    return session;
  };
};
