import { InvalidInputError, SafelightError } from '@safelight/sdk';

/** An error as people read it: what happened, and what they can do. */
export interface ErrorDescription {
  title: string;
  advice: string;
  /** The setting at fault, by its name in the API. */
  field?: string | undefined;
  requestId?: string | undefined;
}

const texts: Readonly<Record<string, readonly [title: string, advice: string]>> = {
  connection_failed: [
    'The server does not answer',
    'Check that it is running (`safelight serve`) and that this machine is online. Trying again by itself…',
  ],
  request_timeout: ['The server takes too long to answer', 'It may be busy: try again in a moment.'],
  deadline_exceeded: ['The pictures are not ready yet', 'The job goes on: load the page again to follow it.'],
  unauthorized: ['This server needs a valid API key', 'Enter the key that its owner gave you.'],
  forbidden: [
    'The server does not let you in',
    'Check the key. A server without keys answers only at the address that it prints.',
  ],
  rate_limited: ['The queue is full', 'Wait until some jobs are done, then try again.'],
  quota_exceeded: ['The quota of this key is used up', 'Ask the server’s owner for more.'],
  not_found: ['It is not there any more', 'It may have been removed from the server.'],
  model_not_found: ['The server does not have this model', 'Choose another one.'],
  payload_too_large: ['This is too much for one request', 'Shorten the prompt.'],
  storage_full: ['The server’s disk is full', 'Its owner has to make room; then try again.'],
  out_of_memory: ['The server ran out of memory', 'Try a smaller size or fewer pictures.'],
  model_corrupt: ['The model’s files are damaged', 'Its owner has to install the model again.'],
  worker_lost: ['The worker was lost on the way', 'Try again.'],
  unavailable: ['The server cannot do this right now', 'Try again in a moment.'],
  canceled: ['The job was cancelled', 'Nothing was kept.'],
  invalid_response: ['The server’s answer makes no sense', 'Something between here and the server may be changing it.'],
};

export function describeError(error: unknown): ErrorDescription {
  if (!SafelightError.isInstance(error)) {
    return { title: 'Something went wrong in this page', advice: 'Load it again. If that does not help, report it.' };
  }
  const { code, requestId } = error;
  if (InvalidInputError.isInstance(error)) {
    const title = withLabel(error.message, error.field);
    return { title, advice: 'Change it and try again.', field: error.field, requestId };
  }
  const [title, advice] = texts[code] ?? ['The server failed', 'Try again; its log says more.'];
  return { title, advice: withDelay(advice, error.retryAfterMs), requestId };
}

/** The same for a job's own error, which comes with the job. */
export function describeJobError({ code, message }: { code: string; message: string }): ErrorDescription {
  const [title, advice] = texts[code] ?? ['The job failed', ''];
  return { title, advice: code === 'internal' || code === 'invalid_input' ? message : advice };
}

const withDelay = (advice: string, retryAfterMs: number | undefined): string =>
  retryAfterMs === undefined ? advice : `${advice} The server asks to wait ${Math.ceil(retryAfterMs / 1000)} s.`;

/** The fields whose label is not their name in the API. */
const fieldLabels: Readonly<Record<string, string>> = {
  apiKey: 'The key',
  clipSkip: 'Clip skip',
  count: 'Pictures',
  deepCache: 'Deep cache',
  guidanceEnd: 'Guidance until',
  guidanceScale: 'Guidance',
  guidanceStart: 'Guidance from',
  negativePrompt: 'Negative prompt',
  promptSyntax: 'Prompt syntax',
};

/** Messages begin with the name of the field: here it goes by its label. */
function withLabel(message: string, field: string | undefined): string {
  const label = field === undefined ? undefined : fieldLabels[field];
  if (label !== undefined && message.startsWith(`${field} `)) return `${label}${message.slice(field?.length)}`;
  return message.charAt(0).toUpperCase() + message.slice(1);
}
