import type { Engine } from '../engine.ts';

export interface BootTimes {
  /** How long the machine has been up. */
  uptimeSeconds: number;
  /** How long this program has. */
  processSeconds: number;
}

/** A machine that was up for longer was not started for this worker. */
const MAX_BOOT_SECONDS = 900;

/** The engine, whose first pictures also tell how long the worker took to start: its machine too, if that is as new. */
export const reportBoot = (engine: Engine, { uptimeSeconds, processSeconds }: BootTimes): Engine => {
  const seconds = uptimeSeconds <= MAX_BOOT_SECONDS ? uptimeSeconds : processSeconds;
  let boot: { bootMs?: number } = { bootMs: Math.round(seconds * 1000) };
  return {
    ...engine,
    async generate(settings, options) {
      const generation = await engine.generate(settings, options);
      const timings = { ...generation.timings, ...boot };
      boot = {};
      return { ...generation, timings };
    },
  };
};
