import { waitFor } from '../jobs/change-notifier.ts';
import { describeError, type Logger } from '../jobs/logger.ts';
import type { InstanceMetadata } from './instance-metadata.ts';

/** AWS recommends every 5 seconds. */
const POLL_MS = 5000;

export interface SpotWatchOptions {
  metadata: Pick<InstanceMetadata, 'isBeingTakenBack'>;
  onNotice: () => void;
  signal: AbortSignal;
  logger: Logger;
  /** Injected in tests. */
  wait?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Looks for word that a spot machine is taken back, until it comes or the signal aborts. */
export const watchSpotNotice = async (options: SpotWatchOptions): Promise<void> => {
  const { metadata, onNotice, signal, logger, wait = waitFor } = options;
  let hasFailed = false;
  while (!signal.aborted) {
    try {
      if (await metadata.isBeingTakenBack()) return onNotice();
      hasFailed = false;
    } catch (error) {
      // Said once: five seconds later there may be an answer again.
      if (!hasFailed) logger('warn', 'spot_notice_unknown', describeError(error));
      hasFailed = true;
    }
    await wait(POLL_MS, signal).catch(() => {});
  }
};
