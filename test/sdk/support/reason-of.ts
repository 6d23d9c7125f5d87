import assert from 'node:assert/strict';

/** What the promise rejects with; fails if it does not. */
export async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (reason) {
    return reason;
  }
  return assert.fail('The promise was fulfilled');
}
