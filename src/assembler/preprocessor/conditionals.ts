/** Open conditionals of a file: what %if, %elif, %else and %endif do to them. */

import { LineError } from '../diagnostics.ts';
import type { RawLine } from './source.ts';

/** State of one %if ... %endif. */
export interface Conditional {
  /** active: emitting; waiting: no branch taken yet; done: taken; never: inside a skipped part. */
  state: 'active' | 'waiting' | 'done' | 'never';
  seenElse: boolean;
  readonly line: RawLine;
}

/** True if the innermost conditional lets lines through. */
export function isEmitting(stack: readonly Conditional[]): boolean {
  const current = stack.at(-1);
  return current === undefined || current.state === 'active';
}

/** %if and %elif: `test` is only asked where the answer counts. */
export function branch(
  stack: Conditional[],
  name: string,
  test: () => boolean,
  line: RawLine,
): void {
  if (!name.startsWith('%el')) {
    const skipped = !isEmitting(stack);
    const conditional: Conditional = { state: 'never', seenElse: false, line };
    stack.push(conditional);
    if (!skipped) conditional.state = test() ? 'active' : 'waiting';
    return;
  }
  const current = stack.at(-1);
  if (!current) throw new LineError(`\`${name}': no matching \`%if'`);
  if (current.seenElse) {
    current.state = 'never';
    throw new LineError("`%elif' after `%else' ignored");
  }
  if (current.state === 'active') current.state = 'done';
  else if (current.state === 'waiting') {
    current.state = 'never';
    current.state = test() ? 'active' : 'waiting';
  }
}

/** %else and %endif. */
export function endBranch(stack: Conditional[], name: string): void {
  const current = stack.at(-1);
  if (!current) throw new LineError(`\`${name}': no matching \`%if'`);
  if (name === '%endif') {
    stack.pop();
    return;
  }
  if (current.seenElse) {
    current.state = 'never';
    throw new LineError("`%else' after `%else' ignored");
  }
  current.seenElse = true;
  if (current.state === 'active') current.state = 'done';
  else if (current.state === 'waiting') current.state = 'active';
}
