import type { Estimate } from '@safelight/sdk';
import { useEffect, useState } from 'react';
import { useClient } from '../client-context.ts';
import { type Settings, toInput } from '../lib/settings.ts';

/** Typing pauses that are shorter are not worth a question. */
const PAUSE_MS = 400;

/**
 * What the job would take, by the server's latest ones; `undefined` where it cannot say.
 * @param refresh Asked again when this changes: the server knows more after each job.
 */
export function useEstimate(settings: Settings, refresh: unknown): Estimate | undefined {
  const { safelight } = useClient();
  const [estimate, setEstimate] = useState<Estimate>();
  const { prompt: _, negativePrompt: __, ...work } = toInput(settings);
  // Neither the prompts nor the seed matter, so they ask nothing anew.
  const input = JSON.stringify({ ...work, seed: undefined });

  useEffect(() => {
    const stop = new AbortController();
    const ask = () =>
      safelight.estimate(JSON.parse(input), { signal: stop.signal }).then(setEstimate, () => {
        // Wrong settings are told when they matter, and an older server has no estimates.
        if (!stop.signal.aborted) setEstimate(undefined);
      });
    const timer = setTimeout(ask, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [safelight, input, refresh]);

  return estimate;
}
