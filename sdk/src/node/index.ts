/** What needs a file system: for Node, Bun and Deno. Browsers never load it. */
export { saveImage } from './save-image.ts';
export { toNodeHandler } from './to-node-handler.ts';
export { uploadFile } from './upload-file.ts';
