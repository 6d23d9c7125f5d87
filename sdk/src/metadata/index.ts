/** What pictures of AUTOMATIC1111 and its kin, ours among them, say of how they were made. */
export { readGenerateInput } from './read-generate-input.ts';
export { type PictureParameters, readParameters } from './read-parameters.ts';
export { readPictureText } from './read-picture-text.ts';
export { OWN_PAIR, toGenerateInput } from './to-generate-input.ts';
