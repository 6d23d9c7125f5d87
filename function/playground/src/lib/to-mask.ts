/** What was painted, as the server takes it: a PNG, white where to draw and black where to keep. */
export async function toMask(painted: HTMLCanvasElement): Promise<Blob> {
  const { width, height } = painted;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('The browser has no canvas');
  context.fillRect(0, 0, width, height);
  context.drawImage(painted, 0, 0);
  return await canvas.convertToBlob({ type: 'image/png' });
}
