import type { Job, SucceededJob } from '@safelight/sdk';
import type { ReactNode } from 'react';
import { useClient } from '../client-context.ts';
import type { Generation } from '../hooks/use-generation.ts';
import type { Comparison } from '../hooks/use-grid.ts';
import type { Jobs } from '../hooks/use-jobs.ts';
import { Gallery } from './gallery.tsx';
import { GridView } from './grid-view.tsx';
import { Stage } from './stage.tsx';

export interface ResultsProps {
  jobs: Jobs;
  generation: Generation;
  comparison: Comparison;
  welcome: ReactNode;
  onOpen(job: SucceededJob, index: number): void;
  onUse(job: Job): void;
}

/** What was made: the job at hand, and all before it. */
export function Results({ jobs, generation, comparison, welcome, onOpen, onUse }: ResultsProps) {
  const { report } = useClient();
  const show = (job: Job) => {
    comparison.close();
    generation.show(job);
    scrollTo({ top: 0 });
  };
  return (
    <div className="results">
      {comparison.grid !== undefined ? (
        <GridView grid={comparison.grid} jobs={jobs.jobs} onOpen={onOpen} onClose={comparison.close} />
      ) : (
        <Stage
          job={generation.job}
          welcome={welcome}
          isCancelling={generation.isCancelling}
          onCancel={generation.cancel}
          onOpen={onOpen}
          onUse={onUse}
        />
      )}
      <Gallery
        jobs={jobs.jobs}
        isLoaded={jobs.isLoaded}
        hasMore={jobs.hasMore}
        onMore={() => void jobs.loadMore().catch(report)}
        onOpen={onOpen}
        onShow={show}
      />
    </div>
  );
}
