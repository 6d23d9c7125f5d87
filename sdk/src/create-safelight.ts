import { createClient } from './client.ts';
import type { SafelightOptions } from './options.ts';
import type { Safelight } from './safelight.ts';
import { systemClock } from './timing/clock.ts';

/**
 * Makes a client. It opens no connection and holds no resources: there is nothing to close.
 *
 * @throws InvalidInputError naming the option that is not allowed.
 * @example
 * const safelight = createSafelight({ endpoint: 'http://127.0.0.1:7788' });
 * const { images } = await safelight.generate({ prompt: 'a red circle' });
 */
export function createSafelight(options: SafelightOptions): Safelight {
  return createClient(options, systemClock);
}
