/** What pictures of AUTOMATIC1111 and its kin, ours among them, say of how they were made. */
export { type PictureParameters, readParameters } from './read-parameters.ts';
export { readPictureText } from './read-picture-text.ts';
