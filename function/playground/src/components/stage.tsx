import type { Job, SucceededJob } from '@safelight/sdk';
import type { ReactNode } from 'react';
import { aspectOf } from '../lib/aspect-of.ts';
import { describeJobError } from '../lib/describe-error.ts';
import { formatDuration } from '../lib/format.ts';
import { isPending } from '../lib/is-pending.ts';
import { ErrorNotice } from './error-notice.tsx';
import { Notice } from './notice.tsx';
import { Picture } from './picture.tsx';
import { ProgressView } from './progress-view.tsx';

export interface StageProps {
  job: Job | undefined;
  /** Shown while there is no job. */
  welcome: ReactNode;
  isCancelling: boolean;
  onCancel(jobId: string): void;
  onOpen(job: SucceededJob, index: number): void;
  onUse(job: Job): void;
}

/** The job at hand: on its way, or what came of it. */
export function Stage({ job, welcome, ...props }: StageProps) {
  return (
    <section className="stage card" aria-label="Result">
      {job === undefined ? welcome : <StageContent {...props} job={job} />}
    </section>
  );
}

type StageContentProps = Omit<StageProps, 'welcome' | 'job'> & { job: Job };

function StageContent({ job, isCancelling, onCancel, onOpen, onUse }: StageContentProps) {
  if (isPending(job)) return <ProgressView job={job} isCancelling={isCancelling} onCancel={() => onCancel(job.id)} />;
  if (job.status === 'succeeded') return <Result job={job} onOpen={onOpen} />;
  return (
    <div className="stage-message">
      {job.status === 'failed' ? (
        <ErrorNotice error={describeJobError(job.error)} />
      ) : (
        <Notice kind="info" title="Cancelled">
          No picture was made of “{job.settings.prompt}”.
        </Notice>
      )}
      <button type="button" className="button" onClick={() => onUse(job)}>
        Use these settings
      </button>
    </div>
  );
}

function Result({ job, onOpen }: { job: SucceededJob; onOpen: StageProps['onOpen'] }) {
  const { images, settings, warnings, startedAt, finishedAt } = job;
  return (
    <div className="result">
      <div className={images.length > 1 ? 'result-pictures several' : 'result-pictures'}>
        {images.map((image) => (
          <button
            key={image.index}
            type="button"
            className="picture-button frame"
            style={aspectOf(image)}
            aria-label={`Open: ${settings.prompt}, seed ${image.seed}`}
            onClick={() => onOpen(job, image.index)}
          >
            <Picture job={job} image={image} />
          </button>
        ))}
      </div>
      <p className="caption">
        <span className="caption-prompt">{settings.prompt}</span>
        <span className="muted">
          seed {settings.seed} · {formatDuration(Date.parse(finishedAt) - Date.parse(startedAt))}
        </span>
      </p>
      {warnings.map(({ message }) => (
        <Notice key={message} kind="warning" title={message} />
      ))}
    </div>
  );
}
