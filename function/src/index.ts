export { type SafelightServer, type ServerOptions, startServer } from './api/serve.ts';
export { createEngine, type EngineOptions } from './create-engine.ts';
export type { EncodedImage, Engine, GenerateOptions, Generation } from './engine.ts';
export { FunctionError, type FunctionErrorOptions } from './errors.ts';
