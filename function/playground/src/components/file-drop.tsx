import { useEffect, useState } from 'react';

/** Takes a file that is dropped anywhere on the page. */
export function FileDrop({ onFile }: { onFile(file: File): void }) {
  const [isOver, setIsOver] = useState(false);

  useEffect(() => {
    const enter = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes('Files') !== true) return;
      event.preventDefault();
      setIsOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setIsOver(false);
    };
    const drop = (event: DragEvent) => {
      const file = event.dataTransfer?.files[0];
      setIsOver(false);
      if (file === undefined) return;
      event.preventDefault();
      onFile(file);
    };
    window.addEventListener('dragover', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, [onFile]);

  return isOver ? (
    <div className="drop-veil" aria-hidden="true">
      Drop the picture to start from it, or to read its settings
    </div>
  ) : null;
}
