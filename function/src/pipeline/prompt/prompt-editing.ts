/** A text that holds up to and including a step. */
export interface TimedText {
  /** Counted as A1111 counts: predictions of noise so far, from 0. */
  until: number;
  text: string;
}

/** A piece of a prompt that depends on the step. */
type Piece =
  | { kind: 'text'; text: string }
  | { kind: 'group'; pieces: Piece[] }
  /** `[before:after:when]` */
  | { kind: 'switch'; before: Piece[]; after: Piece[]; when: string }
  /** `[a|b]` */
  | { kind: 'turns'; turns: Piece[][] };

/** Deeper brackets are no prompt that a person writes; the text is then taken as it is. */
const MAX_DEPTH = 100;

/**
 * What a prompt says at each step: `[before:after:when]` switches, `[a|b]` takes turns, all else is left for
 * `parseAttention`. A prompt that does not follow the grammar (a bar outside of brackets, say) holds as it is.
 *
 * Source: A1111 `modules/prompt_parser.py` (`get_learned_conditioning_prompt_schedules`).
 *
 * @param steps Predictions of noise in a run; a `when` with a point in it is a share of them.
 * @returns In order; the last one holds until `steps`.
 */
export function readPromptEditing(prompt: string, steps: number): TimedText[] {
  const pieces = createParser(prompt).parse();
  if (pieces === undefined) return [{ until: steps, text: prompt }];
  const ends = new Set([steps]);
  collectEnds(pieces, steps, ends);
  return [...ends].sort((a, b) => a - b).map((until) => ({ until, text: textAt(pieces, until, steps) }));
}

function collectEnds(pieces: readonly Piece[], steps: number, ends: Set<number>): void {
  for (const piece of pieces) {
    if (piece.kind === 'group') collectEnds(piece.pieces, steps, ends);
    if (piece.kind === 'switch') {
      const end = switchStep(piece.when, steps);
      if (end >= 1) ends.add(end);
      collectEnds([...piece.before, ...piece.after], steps, ends);
    }
    if (piece.kind === 'turns') {
      for (let step = 1; step <= steps; step += 1) ends.add(step);
    }
  }
}

/** A number with a point is a share of the steps, otherwise a step. */
function switchStep(when: string, steps: number): number {
  const value = Number(when);
  return Math.min(steps, Math.trunc(when.includes('.') ? value * steps : value));
}

function textAt(pieces: readonly Piece[], step: number, steps: number): string {
  return pieces.map((piece) => pieceAt(piece, step, steps)).join('');
}

function pieceAt(piece: Piece, step: number, steps: number): string {
  switch (piece.kind) {
    case 'text':
      return piece.text;
    case 'group':
      return textAt(piece.pieces, step, steps);
    case 'switch':
      return textAt(step <= switchStep(piece.when, steps) ? piece.before : piece.after, step, steps);
    case 'turns':
      return textAt(piece.turns[(step - 1) % piece.turns.length] ?? [], step, steps);
  }
}

const PLAIN = /(?:[^\\[\]():|]|\\.)+/y;
const WHEN = /\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*\]/iy;

/** Recursive descent; what cannot be read as a bracket's content is read as a lone bracket, at the top only. */
function createParser(prompt: string) {
  /** A bracket that was found not to close need not be looked at again. */
  const failures = new Set<number>();
  let at = 0;
  let depth = 0;

  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const found = pattern.exec(prompt);
    if (found) at = pattern.lastIndex;
    return found;
  }

  function accept(character: string): boolean {
    if (prompt[at] !== character) return false;
    at += 1;
    return true;
  }

  /** As many pieces as there are; stops before what belongs to an outer bracket. */
  function readPieces(): Piece[] {
    const pieces: Piece[] = [];
    for (;;) {
      const plain = match(PLAIN);
      if (plain) pieces.push({ kind: 'text', text: plain[0] });
      else {
        const bracket = readBracket();
        if (bracket === undefined) return pieces;
        pieces.push(bracket);
      }
    }
  }

  function readBracket(): Piece | undefined {
    const start = at;
    if (failures.has(start) || depth >= MAX_DEPTH) return undefined;
    depth += 1;
    const piece = accept('(') ? readRound() : accept('[') ? readSquare() : undefined;
    depth -= 1;
    if (piece === undefined) {
      at = start;
      failures.add(start);
    }
    return piece;
  }

  function readRound(): Piece | undefined {
    const pieces: Piece[] = [
      { kind: 'text', text: '(' },
      { kind: 'group', pieces: readPieces() },
    ];
    if (accept(':')) pieces.push({ kind: 'text', text: ':' }, { kind: 'group', pieces: readPieces() });
    if (!accept(')')) return undefined;
    return { kind: 'group', pieces: [...pieces, { kind: 'text', text: ')' }] };
  }

  function readSquare(): Piece | undefined {
    const first = readPieces();
    if (accept(']')) {
      return { kind: 'group', pieces: [{ kind: 'text', text: '[' }, ...first, { kind: 'text', text: ']' }] };
    }
    if (prompt[at] === '|') return readTurns(first);
    return accept(':') ? readSwitch(first) : undefined;
  }

  function readTurns(first: Piece[]): Piece | undefined {
    const turns = [first];
    while (accept('|')) turns.push(readPieces());
    return accept(']') ? { kind: 'turns', turns } : undefined;
  }

  function readSwitch(first: Piece[]): Piece | undefined {
    const only = match(WHEN);
    if (only) return { kind: 'switch', before: [], after: first, when: only[1] ?? '' };
    const after = readPieces();
    const when = accept(':') ? match(WHEN) : null;
    return when ? { kind: 'switch', before: first, after, when: when[1] ?? '' } : undefined;
  }

  return {
    /** Undefined where the prompt does not follow the grammar. */
    parse(): Piece[] | undefined {
      const pieces: Piece[] = [];
      while (at < prompt.length) {
        const read = readPieces();
        pieces.push(...read);
        if (at >= prompt.length) break;
        const character = prompt[at] as string;
        // A bar, or a backslash with nothing behind it.
        if (!'[]():'.includes(character)) return undefined;
        pieces.push({ kind: 'text', text: character });
        at += 1;
      }
      return pieces;
    },
  };
}
