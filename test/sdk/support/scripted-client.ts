import { createClient } from '../../../sdk/src/client.ts';
import { createFakeClock } from './fake-clock.ts';
import { createFakeFetch, failure, type SeenRequest, stream, success } from './fake-fetch.ts';
import { canceledJob, queuedJob, SECRET_PROMPT } from './jobs.ts';

type Answer = (request: SeenRequest, index: number) => Response | Promise<Response>;

/** A client, its clock, and a server with one answer per procedure; the job never ends unless a test says so. */
export function setUp(answers: Record<string, Answer> = {}) {
  const clock = createFakeClock();
  const defaults: Record<string, Answer> = {
    'jobs.submit': () => success(queuedJob()),
    'jobs.watch': () => stream([queuedJob()], 'hang'),
    'jobs.get': () => success(queuedJob()),
    'jobs.cancel': () => success(canceledJob()),
  };
  const counts: Record<string, number> = {};
  const { fetch, requests } = createFakeFetch((request) => {
    const index = counts[request.path] ?? 0;
    counts[request.path] = index + 1;
    const answer = answers[request.path] ?? defaults[request.path];
    return answer === undefined ? failure(404) : answer(request, index);
  });
  const client = createClient({ endpoint: 'https://api.example/', fetch }, clock);
  const paths = () => requests.map((request) => request.path);
  return { client, clock, requests, paths };
}

/** What is asked to be drawn. */
export const input = { prompt: SECRET_PROMPT };
