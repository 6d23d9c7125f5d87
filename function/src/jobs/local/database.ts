import { chmod, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'libsql';
import { FunctionError } from '../../errors.ts';

/** How long a write waits for another process's. Ours take well under a millisecond, plus the disk's sync. */
const BUSY_TIMEOUT_MS = 5000;

/** One script per version of the schema, in order: a data folder runs those that it has not seen. */
const MIGRATIONS = [
  `
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    revision INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    charged_attempts INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    takeable_at INTEGER,
    state TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX jobs_by_key ON jobs (owner, idempotency_key);
  CREATE INDEX jobs_by_owner ON jobs (owner, id);
  -- Finished jobs are not in it, so taking a job and counting the queue do not slow down as they pile up.
  CREATE INDEX jobs_to_take ON jobs (status, takeable_at, id) WHERE takeable_at IS NOT NULL;
`,
  `
  ALTER TABLE jobs ADD COLUMN webhook_url TEXT;
  -- Jobs from before usage was kept: the time from start to end is what it counts.
  UPDATE jobs SET state = json_set(state, '$.result.usage', json_object('gpuSeconds',
    (json_extract(state, '$.finishedAt') - json_extract(state, '$.startedAt')) / 1000.0)) WHERE status = 'succeeded';
  CREATE INDEX jobs_by_end ON jobs (owner, json_extract(state, '$.finishedAt')) WHERE status = 'succeeded';
  CREATE INDEX jobs_by_model ON jobs (json_extract(settings, '$.model'), json_extract(state, '$.finishedAt'))
    WHERE status = 'succeeded';
  -- What is still to be announced; a row goes when its webhook is delivered or given up.
  CREATE TABLE webhooks (
    job_id TEXT PRIMARY KEY REFERENCES jobs (id),
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX webhooks_to_send ON webhooks (due_at);
`,
  `
  -- How many jobs of a status are to be taken some time: counting the jobs themselves takes longer the more there are.
  CREATE TABLE job_counts (status TEXT PRIMARY KEY, jobs INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO job_counts VALUES ('queued', 0), ('running', 0), ('succeeded', 0), ('failed', 0), ('canceled', 0);
  UPDATE job_counts SET jobs = (
    SELECT count(*) FROM jobs WHERE jobs.status = job_counts.status AND takeable_at IS NOT NULL
  );
  CREATE TRIGGER count_inserted AFTER INSERT ON jobs WHEN new.takeable_at IS NOT NULL BEGIN
    UPDATE job_counts SET jobs = jobs + 1 WHERE status = new.status;
  END;
  CREATE TRIGGER count_updated AFTER UPDATE OF status, takeable_at ON jobs
  WHEN old.status <> new.status OR (old.takeable_at IS NULL) <> (new.takeable_at IS NULL) BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE status = old.status AND old.takeable_at IS NOT NULL;
    UPDATE job_counts SET jobs = jobs + 1 WHERE status = new.status AND new.takeable_at IS NOT NULL;
  END;
  CREATE TRIGGER count_deleted AFTER DELETE ON jobs WHEN old.takeable_at IS NOT NULL BEGIN
    UPDATE job_counts SET jobs = jobs - 1 WHERE status = old.status;
  END;
`,
] as const;

/** The embedded database: one connection, statements prepared once, all calls synchronous and short. */
export interface JobDatabase {
  prepare(sql: string): Database.Statement;
  /** Runs `work` alone among all processes; what it throws undoes its writes. */
  transaction<T>(work: () => T): T;
  close(): void;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error));

/** What callers may know about a database error. Others stay what they are. */
export const toStoreError = (error: unknown): unknown => {
  if (codeOf(error) === 'SQLITE_FULL')
    return new FunctionError('storage_full', 'The server has no room left for jobs: free some space on its disk', {
      isRetryable: true,
      cause: error,
    });
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(codeOf(error)))
    return new FunctionError(
      'unavailable',
      'The file jobs.db in the data folder is damaged: restore it, or move it away to start anew',
      { cause: error },
    );
  if (isBusy(error))
    return new FunctionError('unavailable', 'The job database is busy: try again', {
      isRetryable: true,
      retryAfterSeconds: 1,
      cause: error,
    });
  return error;
};

const runTransaction = <T>(db: Database.Database, work: () => T): T => {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // After some errors, such as a full disk, SQLite has rolled back by itself.
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
};

const migrate = (db: Database.Database): void => {
  const version = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (version > MIGRATIONS.length)
    throw new FunctionError(
      'unavailable',
      'The data folder was written by a newer Safelight: update, or use another folder',
    );
  for (const script of MIGRATIONS.slice(version)) db.exec(script);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
};

/** Only a first start switches to WAL; two at once may collide there, where SQLite does not wait by itself. */
const patiently = async (work: () => void): Promise<void> => {
  for (let triesLeft = 50; ; triesLeft--) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || triesLeft === 0) throw error;
      await delay(100);
    }
  }
};

/**
 * Opens `jobs.db` in the folder, creating both if need be; only the user may read them.
 * @throws FunctionError `unavailable` when a newer version wrote the file.
 */
export const openJobDatabase = async (dataDir: string): Promise<JobDatabase> => {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'jobs.db');
  // SQLite would create it readable by all; its -wal and -shm files take the mode of this one.
  await (await open(path, 'a', 0o600)).close();
  await chmod(path, 0o600);
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    await patiently(() => {
      db.prepare('PRAGMA journal_mode = WAL').get();
      // FULL: an accepted job must outlive a power cut. NORMAL would only outlive the process.
      db.exec('PRAGMA synchronous = FULL');
      runTransaction(db, () => migrate(db));
    });
  } catch (error) {
    db.close();
    throw toStoreError(error);
  }
  return {
    prepare: (sql) => db.prepare(sql),
    transaction: (work) => runTransaction(db, work),
    close: () => void db.close(),
  };
};
