import type { JobImage, Safelight } from '@safelight/sdk';

/** Saves a picture as a file. What arrives is checked against what the server recorded. */
export async function saveImage(safelight: Safelight, jobId: string, image: JobImage): Promise<void> {
  const blob = await safelight.images.blob({ ...image, jobId });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `safelight-${image.seed}.${image.format === 'jpeg' ? 'jpg' : image.format}`;
  link.click();
  URL.revokeObjectURL(link.href);
}
