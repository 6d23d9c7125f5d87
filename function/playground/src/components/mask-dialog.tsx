import { type PointerEvent, useRef, useState } from 'react';
import { useClient } from '../client-context.ts';
import { describeError, type ErrorDescription } from '../lib/describe-error.ts';
import { toMask } from '../lib/to-mask.ts';
import { Dialog } from './dialog.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { NumberField } from './number-field.tsx';

export interface MaskDialogProps {
  /** Address of the picture. */
  picture: string;
  /** Takes the key of the mask, once the server has it. */
  onMask(key: string): void;
  onClose(): void;
}

const MAX_BRUSH = 50;

/** Painting over the part of a picture that is to be drawn anew. */
export function MaskDialog({ picture, onMask, onClose }: MaskDialogProps) {
  const { safelight } = useClient();
  const canvasRef = useRef<HTMLCanvasElement>(null);
  const [brush, setBrush] = useState('12');
  const [isEmpty, setIsEmpty] = useState(true);
  const [error, setError] = useState<ErrorDescription>();

  const paint = (event: PointerEvent<HTMLCanvasElement>) => {
    if (event.buttons !== 1) return;
    stroke(event.currentTarget, event, Number(brush) / 100);
    setIsEmpty(false);
  };
  const clear = () => {
    const canvas = canvasRef.current;
    canvas?.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
    setIsEmpty(true);
  };
  const use = async () => {
    if (canvasRef.current === null) return;
    try {
      const { key } = await safelight.upload(await toMask(canvasRef.current));
      onMask(key);
      onClose();
    } catch (cause) {
      setError(describeError(cause));
    }
  };

  return (
    <Dialog title="Paint what to draw anew" onClose={onClose}>
      <div className="mask-area">
        <img
          src={picture}
          alt=""
          onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => {
            if (canvasRef.current === null) return;
            canvasRef.current.width = naturalWidth;
            canvasRef.current.height = naturalHeight;
          }}
        />
        <canvas ref={canvasRef} role="img" aria-label="Painted mask" onPointerDown={paint} onPointerMove={paint} />
      </div>
      <NumberField
        label="Brush, percent of the width"
        value={brush}
        min={1}
        max={MAX_BRUSH}
        slider={{ min: 1, max: MAX_BRUSH }}
        onChange={setBrush}
      />
      {error !== undefined && <ErrorNotice error={error} />}
      <div className="actions">
        <button type="button" className="button primary" disabled={isEmpty} onClick={use}>
          Use this mask
        </button>
        <button type="button" className="button" disabled={isEmpty} onClick={clear}>
          Clear
        </button>
      </div>
    </Dialog>
  );
}

/** From where the pointer was to where it is. @param size Of the brush, as a part of the width. */
function stroke(canvas: HTMLCanvasElement, event: PointerEvent, size: number): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const scale = canvas.width / canvas.clientWidth;
  const { offsetX, offsetY, movementX, movementY } = event.nativeEvent;
  const isStart = event.type === 'pointerdown';
  context.strokeStyle = 'white';
  context.lineCap = 'round';
  context.lineWidth = Math.max(size * canvas.width, 1);
  context.beginPath();
  context.moveTo((offsetX - (isStart ? 0 : movementX)) * scale, (offsetY - (isStart ? 0 : movementY)) * scale);
  context.lineTo(offsetX * scale, offsetY * scale);
  context.stroke();
}
