import { NotFoundError, type PromptReading } from '@safelight/sdk';
import { useEffect, useState } from 'react';
import { useClient } from '../client-context.ts';
import type { Settings } from '../lib/settings.ts';

/** Typing pauses that are shorter are not worth a question. */
const PAUSE_MS = 250;

/** How the server understands the prompt as it is typed; `undefined` while nobody knows, or where it cannot say. */
export function usePromptReading(settings: Settings): PromptReading | undefined {
  const { safelight, report } = useClient();
  const { prompt, promptSyntax, sampler } = settings;
  const steps = Number(settings.steps);
  const [reading, setReading] = useState<PromptReading>();

  useEffect(() => {
    if (prompt.trim() === '') return setReading(undefined);
    const stop = new AbortController();
    const read = async () => {
      const input = {
        prompt,
        promptSyntax,
        ...(Number.isInteger(steps) && steps > 0 && steps <= 1000 && { steps }),
        ...(sampler !== '' && { sampler }),
      };
      try {
        setReading(await safelight.prompts.read(input, { signal: stop.signal }));
      } catch (error) {
        if (stop.signal.aborted) return;
        setReading(undefined);
        // An older server does not have it, and a wrong setting is told when it matters.
        if (!NotFoundError.isInstance(error)) report(error);
      }
    };
    const timer = setTimeout(read, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [safelight, report, prompt, promptSyntax, steps, sampler]);

  return reading;
}
