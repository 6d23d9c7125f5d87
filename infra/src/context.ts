/** Values that `deploy` passes to the CDK app. */
export const CONTEXT = {
  /** Names of models, comma-separated, in place of the configured ones. */
  models: 'safelight:models',
  /** Availability zones, comma-separated, that have the wanted machines. */
  zones: 'safelight:zones',
} as const;
