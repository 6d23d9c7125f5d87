import type { Job, JobImage } from '@safelight/sdk';
import { useImageUrl } from '../hooks/use-image-url.ts';

export interface PictureProps {
  job: Job;
  image: JobImage;
  className?: string;
}

/** One finished picture. */
export function Picture({ job, image, className = '' }: PictureProps) {
  const { url, attempt, onError } = useImageUrl(job.id, image);
  return (
    <img
      key={attempt}
      className={`picture ${className}`}
      src={url}
      alt={job.settings.prompt}
      width={image.width}
      height={image.height}
      decoding="async"
      onError={onError}
    />
  );
}
