import type { Job, SucceededJob } from '@safelight/sdk';
import { stateOf } from '../lib/state-of.ts';
import { Picture } from './picture.tsx';

export interface GalleryProps {
  jobs: readonly Job[];
  isLoaded: boolean;
  hasMore: boolean;
  onMore(): void;
  onOpen(job: SucceededJob, index: number): void;
  /** Puts a job that has no picture on the stage. */
  onShow(job: Job): void;
}

/** All that was made, newest first. */
export function Gallery({ jobs, isLoaded, hasMore, onMore, onOpen, onShow }: GalleryProps) {
  return (
    <section className="gallery" aria-labelledby="history">
      <h2 id="history">History</h2>
      {isLoaded && jobs.length === 0 && <p className="muted">Pictures that you make are kept here.</p>}
      <ul className="tiles">
        {jobs.flatMap((job) =>
          job.status === 'succeeded'
            ? job.images.map((image) => (
                <li key={`${job.id}-${image.index}`}>
                  <button
                    type="button"
                    className="tile"
                    aria-label={`${job.settings.prompt}, seed ${image.seed}`}
                    onClick={() => onOpen(job, image.index)}
                  >
                    <Picture job={job} image={image} />
                  </button>
                </li>
              ))
            : [
                <li key={job.id}>
                  <button type="button" className="tile without-picture" onClick={() => onShow(job)}>
                    <strong>{stateOf(job)}</strong>
                    <span className="tile-prompt">{job.settings.prompt}</span>
                  </button>
                </li>,
              ],
        )}
      </ul>
      {hasMore && (
        <button type="button" className="button" onClick={onMore}>
          Show older
        </button>
      )}
    </section>
  );
}
