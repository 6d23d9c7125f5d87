import { setImmediate } from 'node:timers/promises';

/**
 * Hands over together what arrives in one turn of the event loop: so writes share a transaction, and its wait for the disk.
 * @param run Returns for each request, in order, its result, or the error that it alone ends with; what it throws all end with.
 */
export const inGroups = <Request, Result>(
  run: (requests: readonly Request[]) => readonly (Result | Error)[],
): ((request: Request) => Promise<Result>) => {
  let requests: Request[] = [];
  let outcomes: Promise<readonly (Result | Error)[]> | undefined;
  const runAll = async () => {
    await setImmediate();
    const group = requests;
    requests = [];
    outcomes = undefined;
    return run(group);
  };
  return async (request) => {
    const index = requests.push(request) - 1;
    outcomes ??= runAll();
    const outcome = (await outcomes)[index] as Result | Error;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
};
