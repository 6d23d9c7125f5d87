import { AuthenticationError, ConnectionError, type ModelInfo, type Safelight } from '@safelight/sdk';
import { useCallback, useEffect, useState } from 'react';

/** How often to look whether the server is still there, and whether it is back. */
const CHECK_EVERY_MS = 5000;

/** What is known of the server. */
export interface Server {
  status: 'connecting' | 'ready' | 'gone' | 'unauthorized';
  /** Why it is not ready. */
  error?: unknown;
  /** Empty until it has answered once. */
  models: readonly ModelInfo[];
  defaultModel?: string;
  /** Takes note of an error, where it concerns the whole server. */
  report(error: unknown): void;
}

type ServerState = Omit<Server, 'report'>;

/** Asks the server who it is, then now and again whether it is still there. */
export function useServer(safelight: Safelight): Server {
  const [state, setState] = useState<ServerState>({ status: 'connecting', models: [] });

  const fail = useCallback((error: unknown) => {
    const status = AuthenticationError.isInstance(error) ? 'unauthorized' : 'gone';
    setState((old) => ({ ...old, status, error }));
  }, []);

  const report = useCallback(
    (error: unknown) => {
      if (AuthenticationError.isInstance(error) || ConnectionError.isInstance(error)) fail(error);
    },
    [fail],
  );

  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    let timer: ReturnType<typeof setTimeout>;
    let models: readonly ModelInfo[] | undefined;
    const check = async () => {
      try {
        const { defaultModel } = await safelight.health({ signal });
        const known = models ?? (await safelight.models.list({ signal }));
        models = known;
        setState((old) =>
          old.status === 'ready' && old.models === known ? old : { status: 'ready', models: known, defaultModel },
        );
      } catch (error) {
        if (signal.aborted) return;
        // It may come back as another version, with other models.
        models = undefined;
        fail(error);
        // Only another key helps, and that makes another client.
        if (AuthenticationError.isInstance(error)) return;
      }
      timer = setTimeout(check, CHECK_EVERY_MS);
    };
    setState((old) => ({ status: 'connecting', models: old.models }));
    void check();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [safelight, fail]);

  return { ...state, report };
}
