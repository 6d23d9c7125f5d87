import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker thread.
 * @param importer `import.meta.url` of the caller.
 * @param name File beside the caller, without its extension: run from source it is TypeScript, as a package JavaScript.
 */
export function startThread(importer: string, name: string, options: WorkerOptions = {}): Worker {
  if (importer.endsWith('.js')) return new Worker(new URL(`./${name}.js`, importer), options);
  // Run from source: on Node 20 a worker thread does not inherit the TypeScript loader of the main thread.
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const script = JSON.stringify(new URL(`./${name}.ts`, importer));
  const bootstrap = `import(${loader}).then(({ register }) => { register(); return import(${script}); });`;
  return new Worker(bootstrap, { ...options, eval: true });
}
