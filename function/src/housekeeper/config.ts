import { readVariables } from '../aws/read-variables.ts';

/** What the housekeeper reads from the environment. @throws FunctionError naming what is missing. */
export const readHousekeeperConfig = (env: NodeJS.ProcessEnv = process.env) => readVariables('housekeeper', env);
export type HousekeeperConfig = ReturnType<typeof readHousekeeperConfig>;
