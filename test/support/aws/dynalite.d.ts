declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** An in-memory DynamoDB; the times say how long a table stays in its passing states. */
  function dynalite(options?: { createTableMs?: number; deleteTableMs?: number; updateTableMs?: number }): Server;
  // biome-ignore lint/style/noDefaultExport: this is how the package exports it
  export default dynalite;
}
