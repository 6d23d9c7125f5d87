import { createChangeNotifier } from '../../../function/src/jobs/change-notifier.ts';
import { createJobIdSource } from '../../../function/src/jobs/job-id.ts';
import { openJobDatabase } from '../../../function/src/jobs/local/database.ts';
import { createLocalJobQueue } from '../../../function/src/jobs/local/local-job-queue.ts';
import { createLocalJobStore } from '../../../function/src/jobs/local/local-job-store.ts';
import type { TemporaryFolder } from './temporary-folder.ts';

/** The jobs of a folder, as a process of its own would open them. */
export const openLocalJobs = async (folder: TemporaryFolder, now: () => number = Date.now, maxQueued = 20) => {
  const database = await openJobDatabase(folder.path);
  const notifier = createChangeNotifier();
  const store = createLocalJobStore({
    database,
    notifier,
    newJobId: createJobIdSource({ now }),
    now,
    maxQueued,
  });
  const queue = createLocalJobQueue({ database, notifier, now, pollMs: 50 });
  return { database, store, queue };
};
