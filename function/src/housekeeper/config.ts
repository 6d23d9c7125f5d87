import { readSecrets, readVariables } from '../aws/read-variables.ts';

/** What the housekeeper reads from the environment. @throws FunctionError naming what is missing. */
export const readHousekeeperConfig = (env: NodeJS.ProcessEnv = process.env) => {
  const { webhookSecrets, ...names } = readVariables('housekeeper', env);
  return { ...names, webhookSecrets: readSecrets(webhookSecrets) };
};
export type HousekeeperConfig = ReturnType<typeof readHousekeeperConfig>;
