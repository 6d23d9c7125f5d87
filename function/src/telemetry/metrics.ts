import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { askedSteps } from '../grid.ts';
import type { JobRecord } from '../jobs/job-record.ts';
import type { JobStore } from '../jobs/job-store.ts';
import { PHASES, phaseMs } from './summarize-jobs.ts';

/** From a warm encode to a cold start, in seconds. */
const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800];

/** What Prometheus reads of a server. */
export interface Metrics {
  readonly contentType: string;
  /** Counts a job that has just ended. */
  count(job: JobRecord): void;
  /** Everything, in Prometheus' text format. */
  read(): Promise<string>;
}

/** Starts counting; gauges are read when asked for. */
export const createMetrics = (store: Pick<JobStore, 'counts'>): Metrics => {
  const registry = new Registry();
  const registers = [registry];
  const jobs = new Counter({
    name: 'safelight_jobs_total',
    help: 'Jobs that ended since the server started, by how.',
    labelNames: ['status'],
    registers,
  });
  const failures = new Counter({
    name: 'safelight_job_failures_total',
    help: 'Jobs that failed, by the code of their error.',
    labelNames: ['code'],
    registers,
  });
  const pictures = new Counter({ name: 'safelight_pictures_total', help: 'Pictures made.', registers });
  const steps = new Counter({
    name: 'safelight_steps_total',
    help: 'Denoising steps asked for by the jobs that succeeded.',
    registers,
  });
  const phases = new Histogram({
    name: 'safelight_phase_seconds',
    help: 'Where the time of succeeded jobs went. boot, download and load count where they happened.',
    labelNames: ['phase'],
    buckets: BUCKETS,
    registers,
  });
  new Gauge({
    name: 'safelight_jobs_queued',
    help: 'Jobs that wait.',
    registers,
    async collect() {
      this.set((await store.counts()).queued);
    },
  });
  new Gauge({
    name: 'safelight_jobs_running',
    help: 'Jobs that are being worked on.',
    registers,
    async collect() {
      this.set((await store.counts()).running);
    },
  });
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  // There from the start: a rate needs a value to begin with.
  for (const status of ['succeeded', 'failed', 'canceled']) jobs.inc({ status }, 0);

  return {
    contentType: registry.contentType,
    count({ status, settings, result, error }) {
      jobs.inc({ status });
      if (error !== null) failures.inc({ code: error.code });
      if (result === null) return;
      pictures.inc(result.images.length);
      steps.inc(askedSteps(settings));
      for (const phase of PHASES) {
        const ms = phaseMs(result.timings, phase);
        if (ms !== undefined) phases.observe({ phase }, ms / 1000);
      }
    },
    read: () => registry.metrics(),
  };
};
