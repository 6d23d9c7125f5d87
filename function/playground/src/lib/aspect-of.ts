import type { CSSProperties } from 'react';

/** Hands a picture's shape to the style sheet, so that its place is as large before it is there. */
export const aspectOf = ({ width, height }: { width: number; height: number }): CSSProperties =>
  ({ '--aspect': width / height }) as CSSProperties;
