import * as z from 'zod/mini';
import { integer, oneOf, timeSchema, unknownFields } from './checks.ts';

/** The largest picture that can be sent. */
export const MAX_UPLOAD_BYTES = 20 * 1024 * 1024;

/** Media types of pictures that can be sent, for initial images and masks. */
export const uploadTypeSchema = oneOf('contentType', ['image/png', 'image/jpeg', 'image/webp']);
export type UploadType = z.infer<typeof uploadTypeSchema>;

/** Input of `uploads.create`: what is going to be sent. Nothing else is accepted at the URL. */
export const uploadInputSchema = z.strictObject(
  {
    contentType: uploadTypeSchema,
    bytes: integer('bytes', 1, MAX_UPLOAD_BYTES),
    /** Of the file, in lower-case hex. */
    sha256: z
      .string('sha256 must be a text')
      .check(z.regex(/^[0-9a-f]{64}$/, 'sha256 must be 64 hexadecimal digits in lower case')),
  },
  unknownFields,
);
export type UploadInput = z.input<typeof uploadInputSchema>;

/** A picture that was sent, by name. The same file sent again by the same caller has the same key. */
export const uploadKeySchema = z
  .string('the key of an upload must be a text')
  .check(
    z.regex(
      /^uploads\/[a-z0-9][a-z0-9_-]{0,63}\/[0-9a-f]{64}\.(png|jpg|webp)$/,
      'this is not the key of an upload: pass what upload returned',
    ),
  );

/** Answer of `uploads.create`: how to send the file, with no key, until `expiresAt`. */
export const uploadTicketSchema = z.object({
  key: uploadKeySchema,
  url: z.string(),
  method: z.literal('PUT'),
  /** To be sent as they are: the signature covers them. */
  headers: z.catchall(z.object({}), z.string()),
  expiresAt: timeSchema,
});
export type UploadTicket = z.infer<typeof uploadTicketSchema>;
