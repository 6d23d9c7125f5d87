/**
 * The types under each TypeScript that they are meant for, in an empty project, libraries checked too. Prints a line for
 * each; ends with 1 if one fails. Needs the npm registry: `npm run test:typescript`.
 */
import { createEmptyProject } from './empty-project.ts';

const versions = ['5.7', '5.9', '7.0'];
const resolutions = [
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
] as const;

/** What users write, the mistakes that the types must catch among it. */
const program = `
import { createSafelight, generateAll, JobFailedError, verifyWebhook, type GenerateInput, type Job } from '@safelight/sdk';
import { samplerSchema } from '@safelight/sdk/contract';
import { readParameters } from '@safelight/sdk/metadata';
import { createOpenApiDocument } from '@safelight/sdk/openapi';
import { createSafelightProxy } from '@safelight/sdk/proxy';

const safelight = createSafelight({ endpoint: 'http://127.0.0.1:7788' });
const input: GenerateInput = { prompt: 'a fox', sampler: 'euler_a' };
const { images, usage } = (await safelight.generate(input)).job;
const url: string = await safelight.images.url({ jobId: 'x', index: images[0]?.index ?? 0 });
const seconds: number = usage.gpuSeconds;
for await (const job of await safelight.submit(input)) describe(job);
for await (const outcome of generateAll(safelight, [input])) if (outcome.status === 'rejected') throw outcome.reason;
const event = await verifyWebhook(new Request(url), { secret: 'whsec_' });
const handler: (request: Request) => Promise<Response> = createSafelightProxy({ endpoint: url, apiKey: 'k', authorize: () => true });
export const all = [seconds, event.data.jobId, handler, createOpenApiDocument(), samplerSchema.options, readParameters('')?.values.get('Steps')];

function describe(job: Job): string {
  switch (job.status) {
    case 'queued':
    case 'running':
      return job.phase.name === 'denoising' ? String(job.phase.step) : job.phase.name;
    case 'succeeded':
      return job.images.map(({ url }) => url).join();
    case 'failed':
      return job.error.code;
    case 'canceled':
      return job.finishedAt;
  }
}
// @ts-expect-error: no such format
await safelight.generate({ prompt: 'a fox', format: 'gif' });
// @ts-expect-error: the prompt is missing
await safelight.generate({ steps: 5 });
// @ts-expect-error: a queued job has no pictures
await safelight.get('x').then((job) => job.images);
try {
} catch (error) {
  if (JobFailedError.isInstance(error)) error.job.error.message.trim();
}
`;

await using project = await createEmptyProject();
await project.install('@types/node@20', ...versions.map((version) => `ts${version}@npm:typescript@${version}`));
await project.write('program.ts', program);
await project.write(
  'node-program.ts',
  "import { saveImage, toNodeHandler, uploadFile } from '@safelight/sdk/node';\nexport const all = [saveImage, toNodeHandler, uploadFile];\n",
);

const base = {
  ...{ noEmit: true, strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, target: 'es2022' },
  lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
};
const programs: [file: string, types: string[]][] = [
  ['program.ts', []],
  ['node-program.ts', ['node']],
];

for (const version of versions) {
  for (const [module, moduleResolution] of resolutions) {
    const tsc = `node_modules/ts${version}/bin/tsc`;
    try {
      for (const [file, types] of programs) {
        await project.write(
          'tsconfig.json',
          JSON.stringify({ compilerOptions: { ...base, module, moduleResolution, types }, files: [file] }),
        );
        await project.run(process.execPath, [tsc, '-p', '.']);
      }
      console.log(`TypeScript ${version}, ${moduleResolution}: passes`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`TypeScript ${version}, ${moduleResolution}: fails\n${(error as Error).message}`);
    }
  }
}
