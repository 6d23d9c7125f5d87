import { parseS3Uri, type S3Location } from '../transfer/s3-location.ts';

/** `s3://bucket/prefix,…` @throws FunctionError `invalid_input` */
export const readModels = (text: string): S3Location[] => text.split(',').map((uri) => parseS3Uri(uri.trim()));
