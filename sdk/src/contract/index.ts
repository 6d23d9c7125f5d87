/**
 * The contract between a Safelight server and its clients: every shape that crosses the wire, as zod schemas.
 *
 * Built on `zod/mini` because the client ships these schemas to browsers: 13.6 kB gzipped where `zod` is 33 kB.
 * The mini build carries no message catalogue, so each check says here what is wrong and what to do.
 */
export * from './errors.ts';
export * from './generate.ts';
export * from './health.ts';
export * from './images.ts';
export * from './jobs.ts';
export * from './models.ts';
export * from './phases.ts';
export * from './prompts.ts';
export * from './samplers.ts';
export * from './start-image.ts';
export * from './uploads.ts';
export * from './usage.ts';
export * from './warnings.ts';
export * from './webhooks.ts';
