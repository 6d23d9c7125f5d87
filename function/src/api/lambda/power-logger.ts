import { Logger as PowerLogger } from '@aws-lambda-powertools/logger';
import type { Logger } from '../../jobs/logger.ts';

/** Lambda's structured log. */
export const createPowerLogger = (serviceName: string): Logger => {
  const logger = new PowerLogger({ serviceName });
  return (level, event, fields = {}) => logger[level](event, fields);
};
