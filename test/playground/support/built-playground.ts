import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePlayground, hashSources } from '../../../function/playground/build-playground.ts';

/** The playground of the sources as they are; built by the first test that asks. */
export async function builtPlayground(): Promise<string> {
  const folder = join(tmpdir(), `safelight-test-playground-${(await hashSources()).slice(0, 16)}`);
  await ensurePlayground(folder);
  return folder;
}
