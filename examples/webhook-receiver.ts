/**
 * Is told when a picture is there, instead of waiting for it. Needs a server that may call this machine:
 *
 *   SAFELIGHT_WEBHOOK_SECRETS="whsec_$(openssl rand -base64 32)" npm run serve -- --allow-private-webhooks
 *
 * and the same secret here, as SAFELIGHT_WEBHOOK_SECRET.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createSafelight, InvalidWebhookError, verifyWebhook } from '@safelight/sdk';

const { SAFELIGHT_ENDPOINT: endpoint = 'http://127.0.0.1:7788', SAFELIGHT_WEBHOOK_SECRET: secret = '' } = process.env;
const safelight = createSafelight({ endpoint, apiKey: process.env.SAFELIGHT_API_KEY });

const receiver = createServer(async (request, response) => {
  try {
    const event = await verifyWebhook({ headers: request.headers, body: await text(request) }, { secret });
    // Answer first: the server takes a slow answer for a failure and sends the message again.
    response.writeHead(204).end();
    const { images } = await (await safelight.resume(event.data.jobId)).wait();
    console.log(event.type, images[0]?.url);
    receiver.close();
  } catch (error) {
    if (!InvalidWebhookError.isInstance(error)) throw error;
    response.writeHead(400).end();
  }
}).listen(0, '127.0.0.1');
await once(receiver, 'listening');

const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
const { id } = await safelight.submit({ prompt: 'a lighthouse' }, { webhook: { url } });
console.log(`Submitted ${id}`);
