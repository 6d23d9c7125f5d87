import type { Phase } from '@safelight/sdk/contract';
import { Presets, SingleBar } from 'cli-progress';

export interface ProgressBar {
  update(phase: Phase): void;
  stop(): void;
}

/** A bar on standard error that follows a job; none where standard error is not a terminal. */
export function createProgressBar(): ProgressBar {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const format = ' {bar} {status}';
  const bar = new SingleBar({ format, hideCursor: true, clearOnComplete: true, barsize: 30 }, Presets.shades_classic);
  bar.start(1, 0, { status: 'starting' });
  return {
    update(phase) {
      bar.update(progressOf(phase), { status: describePhase(phase) });
    },
    stop() {
      bar.stop();
    },
  };
}

/** How much of all the denoising steps is done, 0 to 1: they are nearly all of the time. */
export function progressOf(phase: Phase): number {
  switch (phase.name) {
    case 'denoising':
      return (phase.image + phase.step / phase.steps) / phase.count;
    case 'decoding':
      return (phase.image + 1) / phase.count;
    case 'uploading':
      return 1;
    default:
      return 0;
  }
}

/** A phase in words. */
export function describePhase(phase: Phase): string {
  switch (phase.name) {
    case 'queued':
      return phase.position === 0 ? 'next in the queue' : `waiting behind ${phase.position} in the queue`;
    case 'provisioning':
      return 'preparing the model (first time only)';
    case 'loading':
      return `loading the model, ${megabytes(phase.loadedBytes)} of ${megabytes(phase.totalBytes)} MB`;
    case 'encoding':
      return 'reading the prompt';
    case 'denoising':
      return `${ofImages(phase)}step ${phase.step} of ${phase.steps}`;
    case 'decoding':
      return `${ofImages(phase)}developing`;
    case 'uploading':
      return 'storing';
    case 'other':
      return 'working';
  }
}

function ofImages({ image, count }: { image: number; count: number }): string {
  return count === 1 ? '' : `picture ${image + 1} of ${count}, `;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
