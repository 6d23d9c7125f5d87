import type { JobImage, SucceededJob } from '@safelight/sdk';
import { useState } from 'react';
import { useClient } from '../client-context.ts';
import { describeError, type ErrorDescription } from '../lib/describe-error.ts';
import { saveImage } from '../lib/save-image.ts';
import type { Settings } from '../lib/settings.ts';
import { startFrom } from '../lib/start-from.ts';
import { Dialog } from './dialog.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { Icon } from './icon.tsx';
import { Picture } from './picture.tsx';
import { PictureFacts } from './picture-facts.tsx';

export interface PictureDialogProps {
  job: SucceededJob;
  image: JobImage;
  onUse(job: SucceededJob, image: JobImage): void;
  onChange(change: Partial<Settings>): void;
  onShowCode(job: SucceededJob): void;
  onClose(): void;
}

/** A picture with everything that is known of it. */
export function PictureDialog({ job, image, onUse, onChange, onShowCode, onClose }: PictureDialogProps) {
  const { safelight } = useClient();
  const [error, setError] = useState<ErrorDescription>();
  const attempt = (work: Promise<void>) => {
    setError(undefined);
    work.catch((cause: unknown) => setError(describeError(cause)));
  };
  const start = async () => {
    onChange(await startFrom(safelight, await safelight.images.blob({ ...image, jobId: job.id })));
    onClose();
  };
  return (
    <Dialog title="Picture" className="wide" onClose={onClose}>
      <div className="picture-dialog">
        <div className="picture-frame">
          <Picture job={job} image={image} />
        </div>
        <div className="picture-side">
          <p className="picture-prompt">{job.settings.prompt}</p>
          {job.settings.negativePrompt !== '' && <p className="muted">Without: {job.settings.negativePrompt}</p>}
          <div className="actions">
            <button type="button" className="button primary" onClick={() => onUse(job, image)}>
              <Icon name="reuse" /> Use these settings
            </button>
            <button type="button" className="button" onClick={() => attempt(saveImage(safelight, job.id, image))}>
              <Icon name="download" /> Download
            </button>
            <button type="button" className="button" onClick={() => attempt(start())}>
              <Icon name="image" /> Start from it
            </button>
            <button type="button" className="button" onClick={() => onShowCode(job)}>
              <Icon name="code" /> Copy as code
            </button>
          </div>
          {error !== undefined && <ErrorNotice error={error} />}
          <PictureFacts job={job} image={image} />
        </div>
      </div>
    </Dialog>
  );
}
