import { defineConfig } from './src/config.ts';

/** Your deployment. Every setting is explained in src/config.ts; `npm run deploy -- --dry-run` says what it costs. */
export const config = defineConfig({
  region: 'us-east-1',
  models: ['sd-v1-4'],
  workers: {
    instanceTypes: ['g4dn.xlarge', 'g6.xlarge', 'g5.xlarge'],
    capacity: 'spot-then-on-demand',
    max: 4,
    messagesPerWorker: 10,
    idleSeconds: 120,
    keepWarmMinutes: 0,
  },
  monthlyBudgetUsd: 50,
});
