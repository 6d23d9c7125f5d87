/**
 * A server is killed with SIGKILL twenty times under load. Afterwards every job that it ever accepted must have
 * succeeded exactly once, with whole pictures, as told by evidence that the server cannot embellish: a trigger in the
 * database that logs each arrival at a final status, and the files themselves.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Job } from '@safelight/sdk/contract';
import Database from 'libsql';
import { openJobDatabase } from '../../function/src/jobs/local/database.ts';
import { createApiClient } from '../function/api/api-client.ts';
import { createTemporaryFolder } from '../function/jobs/temporary-folder.ts';

const KILLS = 20;
/** The embedded model takes longer to start and to draw than the fake engine. */
const isReal = process.env.KILL_TEST_ENGINE === 'mini';
const JOBS = isReal ? 30 : 60;
const PATIENCE_MS = isReal ? 240_000 : 90_000;
const LONGEST_LIFE_MS = isReal ? 4000 : 700;
const PROGRAM = fileURLToPath(new URL('./kill-server.ts', import.meta.url));

/** mulberry32: small, and the same everywhere. */
const createRandom = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

const start = async (dataDir: string, port: number) => {
  const args = ['--conditions=@safelight/source', '--import', 'tsx', PROGRAM, dataDir, String(port)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const [line] = await Promise.race([once(child.stdout, 'data'), exited]);
  const listening = /listening (\d+)/.exec(String(line))?.[1];
  assert.ok(listening, 'the server starts');
  return { child, port: Number(listening) };
};

const kill = async (child: ChildProcess) => {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
};

const installWitness = async (dataDir: string) => {
  (await openJobDatabase(dataDir)).close();
  const db = new Database(join(dataDir, 'jobs.db'), { timeout: 5000 });
  db.exec(`
    CREATE TABLE witness (id TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL);
    CREATE TRIGGER witness_final AFTER UPDATE ON jobs WHEN NEW.status IN ('succeeded', 'failed', 'canceled')
      BEGIN INSERT INTO witness VALUES (NEW.id, NEW.status, NEW.attempt); END;
  `);
  db.close();
};

const inputOf = (index: number) => ({
  prompt: `picture ${index}`,
  count: 1 + (index % 3),
  steps: 20,
  idempotencyKey: `kill-test-key-${index}`,
});

/** Submits as a client does that never gives up: again with the same key until somebody answers. */
const submitUntilAccepted = async (url: string, index: number, deadline: number): Promise<Job> => {
  for (;;) {
    try {
      return await createApiClient(url).jobs.submit.mutate(inputOf(index));
    } catch (error) {
      assert.ok(Date.now() < deadline, `job ${index} was not accepted in time: ${error}`);
      await delay(50);
    }
  }
};

test('a server killed under load loses nothing and does nothing twice', {
  timeout: PATIENCE_MS + 30_000,
}, async (t) => {
  const seed = Number(process.env.KILL_TEST_SEED ?? Date.now() % 2 ** 31);
  const random = createRandom(seed);
  await using folder = await createTemporaryFolder();
  const dataDir = folder.path;
  await installWitness(dataDir);
  const deadline = Date.now() + PATIENCE_MS;
  let { child, port } = await start(dataDir, 0);
  t.after(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  try {
    // GIVEN jobs that arrive all the while a server dies and comes back
    const accepted = Array.from({ length: JOBS }, async (_, index) => {
      await delay(index * 300);
      return await submitUntilAccepted(url, index, deadline);
    });
    for (let kills = 0; kills < KILLS; kills++) {
      await delay(50 + random() * LONGEST_LIFE_MS);
      await kill(child);
      ({ child, port } = await start(dataDir, port));
    }
    const jobs = await Promise.all(accepted);
    assert.equal(new Set(jobs.map(({ id }) => id)).size, JOBS, 'every key made a job of its own');

    // WHEN the last server is left to finish
    const api = createApiClient(url);
    const unfinished = async () => {
      const { queued, running } = await api.health.query();
      return queued + running;
    };
    while ((await unfinished()) > 0) {
      assert.ok(Date.now() < deadline, 'the jobs finish in time');
      await delay(100);
    }

    // THEN each job succeeded, once
    const again = await Promise.all(jobs.map((_, index) => api.jobs.submit.mutate(inputOf(index))));
    assert.deepEqual(
      again.map(({ id }) => id),
      jobs.map(({ id }) => id),
      'the same keys get the same jobs',
    );
    for (const job of again) assert.equal(job.status, 'succeeded');
    const db = new Database(join(dataDir, 'jobs.db'), { timeout: 5000 });
    const witnessed = db.prepare('SELECT id, status FROM witness').all() as { id: string; status: string }[];
    const total = db.prepare('SELECT count(*) AS jobs FROM jobs').get() as { jobs: number };
    db.close();
    assert.equal(total.jobs, JOBS, 'no job exists that nobody asked for');
    assert.equal(witnessed.length, JOBS, 'one final status per job');
    assert.deepEqual(new Set(witnessed.map(({ id }) => id)), new Set(jobs.map(({ id }) => id)));

    // AND its pictures are whole, and nothing else lies around
    const files: string[] = [];
    for (const [index, job] of again.entries()) {
      assert.ok(job.status === 'succeeded');
      assert.equal(job.images.length, inputOf(index).count);
      for (const image of job.images) {
        const key: string = `jobs/${job.id}/${image.index}.png`;
        const data: Uint8Array = await readFile(join(dataDir, 'objects', key));
        assert.equal(data.length, image.bytes);
        assert.equal(createHash('sha256').update(data).digest('hex'), image.sha256, key);
        files.push(key);
      }
    }
    const entries = await readdir(join(dataDir, 'objects'), { recursive: true, withFileTypes: true });
    const stored = entries.filter((entry) => entry.isFile());
    assert.equal(stored.length, files.length, `no leftovers: ${stored.map(({ name }) => name)}`);
    const attempts = again.map(({ attempt }) => attempt);
    const repeated = attempts.filter((attempt) => attempt > 1).length;
    assert.ok(repeated > 0, 'kills hit jobs in work, else this test shows nothing');
    t.diagnostic(
      `${KILLS} kills, ${JOBS} jobs, ${repeated} of them taken up again, up to ${Math.max(...attempts)} attempts`,
    );
  } catch (error) {
    throw new Error(`With KILL_TEST_SEED=${seed}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  } finally {
    await kill(child);
  }
});
