import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's, unless another is named. */
const executablePath = process.env.SAFELIGHT_TEST_CHROMIUM ?? '/usr/bin/chromium';

/** Why browser tests cannot run here; false where they can. For `test`'s option of that name. */
export const skip: string | false =
  !existsSync(executablePath) &&
  `There is no Chromium at ${executablePath}: apt-get install chromium, or name another in SAFELIGHT_TEST_CHROMIUM`;

export async function launchBrowser(): Promise<Browser> {
  // As root, as in containers, Chromium does not start with its sandbox.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return await chromium.launch({ executablePath, args });
}
