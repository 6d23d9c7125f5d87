/**
 * The program that `kill.test.ts` kills: a server on the folder and port it is given, with a slow fake engine or, where
 * KILL_TEST_ENGINE is "mini", the embedded model.
 */
import { startServer } from '../../function/src/api/serve.ts';
import { createEngine } from '../../function/src/create-engine.ts';
import { createFakeEngine } from '../function/jobs/fake-engine.ts';
import { sharedCacheDir } from '../support/embedded-model.ts';

const [dataDir = '', port = '0'] = process.argv.slice(2);

const randomSeed = () => Math.floor(Math.random() * 2 ** 32);
const engine =
  process.env.KILL_TEST_ENGINE === 'mini'
    ? await createEngine({ cacheDir: sharedCacheDir })
    : createFakeEngine({ stepMs: 6, imageBytes: 300_000, randomSeed });

const server = await startServer({
  engine,
  dataDir,
  port: Number(port),
  leaseSeconds: 0.5,
  // Every kill costs the job in work an attempt.
  maxAttempts: 100,
  logger: (level, event, fields) => level === 'error' && process.stderr.write(`${event} ${JSON.stringify(fields)}\n`),
});
process.stdout.write(`listening ${server.port}\n`);
