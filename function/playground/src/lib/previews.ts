/** What uploaded pictures look like, by their keys: the server does not show them again. Gone after a reload. */
const previews = new Map<string, string>();

export const previewOf = (key: string): string | undefined => previews.get(key);

export function rememberPreview(key: string, picture: Blob): void {
  if (!previews.has(key)) previews.set(key, URL.createObjectURL(picture));
}
