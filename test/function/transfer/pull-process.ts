/** Pulls a bundle in a process of its own, which a test can kill. */
import { S3Client } from '@aws-sdk/client-s3';
import { pullBundle } from '../../../function/src/transfer/pull-bundle.ts';

const [endpoint = '', folder = ''] = process.argv.slice(2);
const credentials = { accessKeyId: 'AKIATESTTESTTESTTEST', secretAccessKey: 'a-secret-that-no-message-may-show' };
const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
await pullBundle({ client, bucket: 'models', prefix: 'v1', folder, concurrency: 16 });
client.destroy();
