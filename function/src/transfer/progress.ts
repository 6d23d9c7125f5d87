export interface TransferProgress {
  /** Bytes that are where they should be, those that were there before included. Never goes back. */
  transferredBytes: number;
  totalBytes: number;
  /** Of `transferredBytes`, what did not have to be sent: leave it out of a rate. */
  reusedBytes: number;
  /** The file that the latest bytes belong to. */
  file: string;
}

export type OnProgress = (progress: TransferProgress) => void;

export interface ProgressMeter {
  /** Negative where bytes turned out wrong and are sent again. */
  add(bytes: number, file: string): void;
  reuse(bytes: number, file: string): void;
  readonly current: TransferProgress;
}

export interface ProgressMeterParams {
  totalBytes: number;
  onProgress?: OnProgress | undefined;
  /** At most one report in so many milliseconds, but always one when all is done. @defaultValue 100 */
  intervalMs?: number;
  now?: () => number;
}

/** Counts bytes and reports them, not too often. */
export function createProgressMeter(params: ProgressMeterParams): ProgressMeter {
  const { totalBytes, onProgress, intervalMs = 100, now = performance.now.bind(performance) } = params;
  let counted = 0;
  let transferredBytes = 0;
  let reusedBytes = 0;
  let file = '';
  let reportedAt = Number.NEGATIVE_INFINITY;

  const count = (bytes: number, name: string) => {
    counted += bytes;
    file = name;
    if (counted <= transferredBytes) return;
    transferredBytes = counted;
    if (onProgress === undefined) return;
    const time = now();
    if (transferredBytes < totalBytes && time - reportedAt < intervalMs) return;
    reportedAt = time;
    onProgress({ transferredBytes, totalBytes, reusedBytes, file });
  };

  return {
    add: count,
    reuse(bytes, name) {
      reusedBytes += bytes;
      count(bytes, name);
    },
    get current() {
      return { transferredBytes, totalBytes, reusedBytes, file };
    },
  };
}
