import type { GenerateSettings } from '@safelight/sdk/contract';
import { canDrawTogether } from './draw-together.ts';

/** Generations that an open model is used for at the moment. */
export interface DrawingFloor {
  /** Resolves when a generation can be drawn beside those that are drawn: it must begin before anybody else asks. */
  roomFor(wanted: GenerateSettings): Promise<void>;
  /** Runs a generation, which says when all of it is drawn, and from then on makes room for others. */
  run<Result>(wanted: GenerateSettings, work: (onDrawn: () => void) => Promise<Result>): Promise<Result>;
  /** Resolves when no generation uses the model any more. */
  empty(): Promise<void>;
}

/** @param batch How many generations of 512×512 there is room for. */
export function createDrawingFloor(batch: number): DrawingFloor {
  const drawing = new Set<{ settings: GenerateSettings; drawn: Promise<void> }>();
  const running = new Set<Promise<unknown>>();

  const isRoomFor = (wanted: GenerateSettings) =>
    drawing.size === 0 || canDrawTogether([...[...drawing].map(({ settings }) => settings), wanted], batch);

  return {
    async roomFor(wanted) {
      while (!isRoomFor(wanted)) await Promise.race([...drawing].map(({ drawn }) => drawn));
    },
    run(settings, work) {
      let leave = () => {};
      const drawn = new Promise<void>((resolve) => {
        leave = resolve;
      });
      const place = { settings, drawn };
      const onDrawn = () => {
        drawing.delete(place);
        leave();
      };
      drawing.add(place);
      const result = work(onDrawn).finally(() => {
        onDrawn();
        running.delete(result);
      });
      running.add(result);
      return result;
    },
    async empty() {
      await Promise.allSettled(running);
    },
  };
}
