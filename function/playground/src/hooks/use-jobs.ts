import type { GenerateInput, Job, Safelight } from '@safelight/sdk';
import { useCallback, useEffect, useRef, useState } from 'react';
import { isPending } from '../lib/is-pending.ts';

const PAGE_SIZE = 48;

/** The jobs of this user, and what can be done with them. */
export interface Jobs {
  /** Newest first. */
  jobs: readonly Job[];
  isLoaded: boolean;
  hasMore: boolean;
  /** @throws what the SDK throws */
  submit(input: GenerateInput): Promise<Job>;
  cancel(jobId: string): Promise<void>;
  loadMore(): Promise<void>;
}

interface History {
  jobs: readonly Job[];
  nextCursor: string | undefined;
  isLoaded: boolean;
}

const emptyHistory: History = { jobs: [], nextCursor: undefined, isLoaded: false };

/** Puts news among what is known: of two states of a job, the later one stays. */
function mergeJobs(known: readonly Job[], news: readonly Job[]): readonly Job[] {
  const byId = new Map(known.map((job) => [job.id, job]));
  for (const job of news) {
    const old = byId.get(job.id);
    if (old === undefined || job.revision >= old.revision) byId.set(job.id, job);
  }
  // Ids begin with the time, which decides between jobs of the same millisecond too.
  return [...byId.values()].sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id));
}

/**
 * Keeps the history: what the server has, and live what becomes of the jobs that are not finished, also those of before a
 * reload or of another tab.
 * @param isReady Nothing is asked before; each time the server comes back, the list is read again.
 */
export function useJobs(safelight: Safelight, isReady: boolean, report: (error: unknown) => void): Jobs {
  const [history, setHistory] = useState(emptyHistory);
  const followed = useRef(new Set<string>());
  const lifetime = useRef<AbortSignal>(undefined);

  const merge = useCallback((news: readonly Job[]) => {
    setHistory((old) => ({ ...old, jobs: mergeJobs(old.jobs, news) }));
  }, []);

  const follow = useCallback(
    async (jobId: string) => {
      const signal = lifetime.current;
      if (followed.current.has(jobId) || signal === undefined) return;
      followed.current.add(jobId);
      try {
        const handle = await safelight.resume(jobId, { signal });
        for await (const job of handle.updates({ signal })) merge([job]);
      } catch (error) {
        if (!signal.aborted) report(error);
      } finally {
        followed.current.delete(jobId);
      }
    },
    [safelight, merge, report],
  );

  const readPage = useCallback(
    async (cursor: string | undefined) => {
      const page = await safelight.list({ limit: PAGE_SIZE, cursor }, { signal: lifetime.current });
      setHistory((old) => ({ jobs: mergeJobs(old.jobs, page.jobs), nextCursor: page.nextCursor, isLoaded: true }));
      for (const job of page.jobs) if (isPending(job)) void follow(job.id);
    },
    [safelight, follow],
  );

  useEffect(() => {
    // Another client is another user, or another server.
    const stop = new AbortController();
    lifetime.current = stop.signal;
    followed.current = new Set();
    return () => {
      stop.abort();
      setHistory(emptyHistory);
    };
  }, [safelight]);

  useEffect(() => {
    if (!isReady) return;
    const signal = lifetime.current;
    readPage(undefined).catch((error: unknown) => {
      if (signal?.aborted !== true) report(error);
    });
  }, [isReady, readPage, report]);

  const submit = useCallback(
    async (input: GenerateInput) => {
      const { job } = await safelight.submit(input);
      merge([job]);
      void follow(job.id);
      return job;
    },
    [safelight, merge, follow],
  );
  const cancel = useCallback(async (jobId: string) => merge([await safelight.cancel(jobId)]), [safelight, merge]);
  const loadMore = useCallback(() => readPage(history.nextCursor), [readPage, history.nextCursor]);

  const { jobs, isLoaded, nextCursor } = history;
  return { jobs, isLoaded, hasMore: nextCursor !== undefined, submit, cancel, loadMore };
}
