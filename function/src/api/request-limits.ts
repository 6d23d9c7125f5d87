/** A prompt and a negative prompt of full length need some 80 kB at most. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Calls in one request. */
export const MAX_BATCH_SIZE = 20;
/** Two pictures of the largest size, which base64 makes a third longer, and the text around them. */
export const MAX_PICTURES_BODY_BYTES = 55 * 1024 * 1024;
