/** Values that `deploy` passes to the CDK app. */
export const CONTEXT = {
  /** Names of models, comma-separated, in place of the configured ones. */
  models: 'safelight:models',
  /** Availability zones, comma-separated, that have the wanted machines. */
  zones: 'safelight:zones',
  /** `true` or `false`: whether to serve the playground, in place of what is configured. */
  playground: 'safelight:playground',
  /** Address of the endpoint, where it is there already. */
  address: 'safelight:address',
} as const;
