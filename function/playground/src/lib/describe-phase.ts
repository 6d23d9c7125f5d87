import type { Phase } from '@safelight/sdk';
import { formatBytes, plural } from './format.ts';

/** What a job is doing, in words; with numbers where the server gives them. */
export interface PhaseDescription {
  title: string;
  detail?: string;
  /** From 0 to 1; absent where nobody knows. */
  fraction?: number;
}

export function describePhase(phase: Phase): PhaseDescription {
  switch (phase.name) {
    case 'queued':
      return {
        title: 'Waiting in the queue',
        detail: phase.position === 0 ? 'Next in line' : `${plural(phase.position, 'job')} ahead of yours`,
      };
    case 'provisioning':
      return { title: 'Starting a worker', detail: 'After a pause this can take some minutes' };
    case 'loading':
      return {
        title: 'Loading the model',
        ...(phase.totalBytes > 0 && {
          detail: `${formatBytes(phase.loadedBytes)} of ${formatBytes(phase.totalBytes)}`,
          fraction: phase.loadedBytes / phase.totalBytes,
        }),
      };
    case 'encoding':
      return { title: 'Reading the prompt' };
    case 'denoising':
      return {
        title: `Step ${phase.step} of ${phase.steps}`,
        ...(phase.count > 1 && { detail: `Picture ${phase.image + 1} of ${phase.count}` }),
        fraction: (phase.image + phase.step / phase.steps) / phase.count,
      };
    case 'decoding':
      return {
        title: 'Developing the picture',
        ...(phase.count > 1 && { detail: `Picture ${phase.image + 1} of ${phase.count}` }),
      };
    case 'uploading':
      return { title: 'Saving' };
    case 'other':
      return { title: 'Working' };
  }
}
