import type { Job, SucceededJob } from '@safelight/sdk';
import { type Axis, axisLabels, type Grid } from '../lib/grid.ts';
import { labelOf, samplerLabels, scheduleLabels } from '../lib/labels.ts';
import { stateOf } from '../lib/state-of.ts';
import { Picture } from './picture.tsx';

export interface GridViewProps {
  grid: Grid;
  jobs: readonly Job[];
  onOpen(job: SucceededJob, index: number): void;
  onClose(): void;
}

/** Pictures side by side, with what they differ in at the edges. */
export function GridView({ grid, jobs, onOpen, onClose }: GridViewProps) {
  const { x, y, jobIds } = grid;
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const rows = y?.values ?? [''];
  return (
    <section className="stage card" aria-label="Comparison">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <div className="grid-scroll" tabIndex={0}>
        <table className="grid">
          <thead>
            <tr>
              {y !== undefined && <td />}
              {x.values.map((value) => (
                <th key={value} scope="col">
                  {describeValue(x, value)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr key={row}>
                {y !== undefined && <th scope="row">{describeValue(y, row)}</th>}
                {x.values.map((value, j) => (
                  <td key={value}>
                    <Cell job={byId.get(jobIds[i * x.values.length + j] ?? '')} onOpen={onOpen} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <button type="button" className="button" onClick={onClose}>
        Close the comparison
      </button>
    </section>
  );
}

function Cell({ job, onOpen }: { job: Job | undefined; onOpen: GridViewProps['onOpen'] }) {
  const image = job?.status === 'succeeded' ? job.images[0] : undefined;
  if (job?.status !== 'succeeded' || image === undefined) {
    return <p className="muted small">{job === undefined ? 'Not sent' : stateOf(job)}</p>;
  }
  return (
    <button
      type="button"
      className="picture-button"
      aria-label={`Open: ${job.settings.prompt}, seed ${image.seed}`}
      onClick={() => onOpen(job, image.index)}
    >
      <Picture job={job} image={image} />
    </button>
  );
}

function describeValue({ field }: Axis, value: string): string {
  if (field === 'prompt') return value;
  if (field === 'sampler') return labelOf(samplerLabels, value);
  if (field === 'schedule') return labelOf(scheduleLabels, value);
  return `${axisLabels[field]} ${value}`;
}
