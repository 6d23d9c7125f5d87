import { ADD_ON_PREFIX } from '@safelight/function/aws/environment';
import type { Config } from '../config.ts';
import { webhookSecretsName } from '../webhook-secrets-name.ts';
import { costReport } from './costs.ts';
import type { Deployment } from './deploy-steps.ts';

/** What to do with the new endpoint. */
export function describeEndpoint({ outputs }: Deployment, config: Config): string {
  const { EndpointUrl = '', DomainTarget, PlaygroundUrl, KeysTable = '', ModelsBucket = '' } = outputs ?? {};
  const { domain } = config;
  return [
    `Endpoint: ${EndpointUrl}`,
    ...(PlaygroundUrl === undefined ? [] : [`Playground: ${PlaygroundUrl} in a browser; it asks for one of your keys`]),
    ...(domain === undefined ? [] : [`Set a CNAME record of ${domain.name} to ${DomainTarget}`]),
    `More keys: AWS_REGION=${config.region} SAFELIGHT_KEYS_TABLE=${KeysTable} npm run safelight -- keys create <name>`,
    `Webhooks are signed with: aws ssm get-parameter --region ${config.region} --name ${webhookSecretsName(config)} --with-decryption --query Parameter.Value --output text`,
    `LoRAs and embeddings: aws s3 cp <file> s3://${ModelsBucket}/${ADD_ON_PREFIX.loras} or ${ADD_ON_PREFIX.embeddings}`,
    ...(config.alarmEmail === undefined
      ? ['Nobody hears alarms: set alarmEmail in infra/safelight.config.ts']
      : [`Alarms go to ${config.alarmEmail} once the address is confirmed: AWS has sent it a message`]),
    '',
    "  import { createSafelight } from '@safelight/sdk';",
    '',
    `  const safelight = createSafelight({ endpoint: '${EndpointUrl}', apiKey: process.env.SAFELIGHT_API_KEY });`,
    "  const { images } = await safelight.generate({ prompt: 'a lighthouse at dusk' });",
    '',
    costReport({ ...config, playground: PlaygroundUrl !== undefined }),
  ].join('\n');
}
