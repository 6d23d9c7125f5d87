import {
  type Attributes,
  DiagLogLevel,
  diag,
  type HrTime,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { JobRecord } from '../jobs/job-record.ts';
import type { Logger } from '../jobs/logger.ts';
import { PHASES, type PhaseName, phaseMs } from './summarize-jobs.ts';

/** Tells an OpenTelemetry collector of jobs. */
export interface JobTraces {
  /** Records a job that has just ended. */
  record(job: JobRecord): void;
  /** Sends what was not sent yet. */
  close(): Promise<void>;
}

interface Stage {
  name: PhaseName;
  /** Epoch milliseconds. */
  start: number;
  end: number;
}

/**
 * A job's stages, one after the other as they are for a single picture. Of several pictures, denoising and decoding take
 * turns in truth; here each is one stage, as long as all of its turns together.
 */
const stagesOf = ({ createdAt, startedAt, finishedAt, result }: JobRecord): Stage[] => {
  const end = finishedAt ?? createdAt;
  let at = startedAt ?? end;
  const queue: Stage = { name: 'queue', start: createdAt, end: at };
  if (result === null) return [queue];
  const { timings } = result;
  const later = PHASES.filter((name) => name !== 'queue' && name !== 'boot').flatMap((name): Stage[] => {
    const ms = phaseMs(timings, name);
    if (ms === undefined) return [];
    const start = at;
    at += ms;
    return [{ name, start, end: at }];
  });
  return [queue, ...later];
};

/** Epoch milliseconds as seconds and nanoseconds. OpenTelemetry takes a number from before the process began for something else. */
const toHrTime = (ms: number): HrTime => [Math.floor(ms / 1000), Math.floor((ms % 1000) * 1e6)];

/** What is said of a job: never its prompts, nor an error's message. */
const attributesOf = ({ id, status, attempt, settings, error }: JobRecord): Attributes => ({
  'safelight.job.id': id,
  'safelight.job.status': status,
  'safelight.job.attempt': attempt,
  'safelight.model': settings.model,
  'safelight.sampler': settings.sampler,
  'safelight.steps': settings.steps,
  'safelight.width': settings.width,
  'safelight.height': settings.height,
  'safelight.count': settings.count,
  ...(error === null ? {} : { 'error.type': error.code }),
});

/**
 * Sends each job as a trace to where the environment's `OTEL_EXPORTER_OTLP_…` variables say, as OTLP over HTTP. The root
 * span goes from the job's submission to its end.
 * @param version of the server.
 */
export const startJobTraces = (version: string, logger: Logger): JobTraces => {
  // What OpenTelemetry says may quote the collector's address, and the keys in it.
  const complain = () => logger('warn', 'traces_not_sent');
  diag.setLogger({ error: complain, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR);
  const named = resourceFromAttributes({ 'service.name': 'safelight', 'service.version': version });
  const resource = defaultResource()
    .merge(named)
    .merge(detectResources({ detectors: [envDetector] }));
  const provider = new BasicTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('safelight', version);
  return {
    record(job) {
      const startTime = toHrTime(job.createdAt);
      const root = tracer.startSpan('job', { startTime, attributes: attributesOf(job) }, ROOT_CONTEXT);
      root.addEvent('submit', startTime);
      const context = trace.setSpan(ROOT_CONTEXT, root);
      for (const { name, start, end } of stagesOf(job))
        tracer.startSpan(name, { startTime: toHrTime(start) }, context).end(toHrTime(end));
      if (job.status === 'failed') root.setStatus({ code: SpanStatusCode.ERROR });
      root.end(toHrTime(job.finishedAt ?? job.createdAt));
    },
    // A collector that is away must not keep the server from stopping.
    close: () => provider.shutdown().catch(complain),
  };
};
