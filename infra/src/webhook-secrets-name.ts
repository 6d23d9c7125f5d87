import type { Config } from './config.ts';

/**
 * Name of the SSM parameter that holds what webhooks are signed with. CloudFormation cannot make a secret one, so `deploy`
 * and `destroy` look after it; parameters of the standard tier cost nothing.
 */
export const webhookSecretsName = ({ name }: Pick<Config, 'name'>): string => `/safelight/${name}/webhook-secrets`;
