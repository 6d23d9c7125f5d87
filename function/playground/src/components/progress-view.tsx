import type { PendingJob } from '@safelight/sdk';
import { aspectOf } from '../lib/aspect-of.ts';
import { describePhase } from '../lib/describe-phase.ts';

export interface ProgressViewProps {
  job: PendingJob;
  isCancelling: boolean;
  onCancel(): void;
}

/** What becomes of a job, as the server tells it: nothing here is guessed. */
export function ProgressView({ job, isCancelling, onCancel }: ProgressViewProps) {
  const { title, detail, fraction } = describePhase(job.phase);
  const { width, height, prompt } = job.settings;
  return (
    <div className="progress-view frame" style={aspectOf({ width, height })}>
      <div className="progress-text">
        <p className="progress-title">{title}</p>
        <p className="muted small">{detail ?? prompt}</p>
        <progress aria-label="Progress" {...(fraction !== undefined && { value: fraction, max: 1 })} />
        {/* Steps are too many to read out; what the job is doing is not. */}
        <p className="visually-hidden" role="status">
          {job.phase.name === 'denoising' ? 'Drawing' : title}
        </p>
        {job.attempt > 1 && <p className="muted small">Taken up again: the worker before was lost.</p>}
        <button type="button" className="button" disabled={isCancelling} onClick={onCancel}>
          {isCancelling ? 'Cancelling…' : 'Cancel'}
        </button>
      </div>
    </div>
  );
}
