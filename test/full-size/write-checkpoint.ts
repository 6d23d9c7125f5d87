/** Writes the random checkpoint for other programs to read: `write-checkpoint.ts FILE.safetensors`, 4.3 GB. */
import { createRandomCheckpoint, writeSafetensors } from './random-checkpoint.ts';

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('Usage: write-checkpoint.ts FILE.safetensors');
  process.exit(2);
}
await writeSafetensors(createRandomCheckpoint(), path);
