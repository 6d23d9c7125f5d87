import { Presets, SingleBar } from 'cli-progress';

export interface TransferBar {
  update(doneBytes: number, totalBytes: number): void;
  stop(): void;
}

/** A bar on standard error with bytes, rate and time left; none where standard error is not a terminal. */
export function createTransferBar(label: string): TransferBar {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const format = ` {bar} ${label}, {done} of {total_mb} MB, {rate} MB/s, {eta_formatted} left`;
  const bar = new SingleBar({ format, hideCursor: true, clearOnComplete: true, barsize: 30 }, Presets.shades_classic);
  const start = performance.now();
  bar.start(1, 0, { done: 0, total_mb: '?', rate: 0 });
  return {
    update(doneBytes, totalBytes) {
      const seconds = (performance.now() - start) / 1000;
      bar.setTotal(totalBytes);
      const rate = (doneBytes / 1e6 / Math.max(seconds, 0.001)).toFixed(0);
      bar.update(doneBytes, { done: (doneBytes / 1e6).toFixed(0), total_mb: (totalBytes / 1e6).toFixed(0), rate });
    },
    stop() {
      bar.stop();
    },
  };
}
