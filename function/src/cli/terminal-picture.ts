import sharp from 'sharp';
import supportsTerminalGraphics from 'supports-terminal-graphics';

/** Bytes of base64 that the Kitty protocol takes in one escape sequence. */
const KITTY_CHUNK = 4096;

/**
 * A picture as text for the terminal: by the Kitty or iTerm2 graphics protocol where the terminal has one, else as
 * half-block characters in 24-bit colour. Undefined where none of these can be shown.
 */
export async function renderForTerminal(image: Uint8Array, stream: NodeJS.WriteStream): Promise<string | undefined> {
  if (!stream.isTTY) return undefined;
  const graphics = supportsTerminalGraphics.stdout;
  if (graphics.kitty) return kittyGraphics(await sharp(image).png().toBuffer());
  if (graphics.iterm2) return iterm2Graphics(await sharp(image).png().toBuffer());
  if (stream.getColorDepth() < 24) return undefined;
  return halfBlocks(image, Math.min(stream.columns, 64));
}

/** @see https://sw.kovidgoyal.net/kitty/graphics-protocol/ */
function kittyGraphics(png: Buffer): string {
  const data = png.toString('base64');
  let text = '';
  for (let start = 0; start < data.length; start += KITTY_CHUNK) {
    const more = start + KITTY_CHUNK < data.length ? 1 : 0;
    const control = start === 0 ? `a=T,f=100,m=${more}` : `m=${more}`;
    text += `\x1b_G${control};${data.slice(start, start + KITTY_CHUNK)}\x1b\\`;
  }
  return `${text}\n`;
}

/** @see https://iterm2.com/documentation-images.html */
function iterm2Graphics(png: Buffer): string {
  return `\x1b]1337;File=inline=1;size=${png.length}:${png.toString('base64')}\x07\n`;
}

/** Two pixels a character: the upper half in the foreground colour, the lower in the background. */
export async function halfBlocks(image: Uint8Array, columns: number): Promise<string> {
  const { data, info } = await sharp(image)
    .resize({ width: columns })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const colour = (x: number, y: number) =>
    data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3).join(';');
  let text = '';
  for (let y = 0; y + 1 < info.height; y += 2) {
    for (let x = 0; x < info.width; x += 1) text += `\x1b[38;2;${colour(x, y)}m\x1b[48;2;${colour(x, y + 1)}m▀`;
    text += '\x1b[0m\n';
  }
  return text;
}
