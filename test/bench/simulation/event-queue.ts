/** Things that will happen, earliest first; those of the same time in the order they were added. */
export class EventQueue<Event> {
  private readonly heap: { at: number; order: number; event: Event }[] = [];
  private added = 0;

  /** @param at seconds */
  add(at: number, event: Event): void {
    const { heap } = this;
    heap.push({ at, order: this.added++, event });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.swapIfEarlier(child, parent)) break;
      child = parent;
    }
  }

  next(): { at: number; event: Event } | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let parent = 0; ; ) {
      const left = 2 * parent + 1;
      const child = this.isEarlier(left + 1, left) ? left + 1 : left;
      if (!this.swapIfEarlier(child, parent)) return first;
      parent = child;
    }
  }

  private isEarlier(a: number, b: number): boolean {
    const first = this.heap[a];
    const second = this.heap[b];
    if (first === undefined || second === undefined) return false;
    return first.at < second.at || (first.at === second.at && first.order < second.order);
  }

  private swapIfEarlier(child: number, parent: number): boolean {
    const { heap } = this;
    if (!this.isEarlier(child, parent)) return false;
    const moved = heap[child];
    const replaced = heap[parent];
    if (moved === undefined || replaced === undefined) return false;
    heap[parent] = moved;
    heap[child] = replaced;
    return true;
  }
}
