import { useEffect, useState } from 'react';

/** An address for data that the page holds, as long as the component is there. */
export function useObjectUrl(data: Blob): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const created = URL.createObjectURL(data);
    setUrl(created);
    return () => URL.revokeObjectURL(created);
  }, [data]);
  return url;
}
