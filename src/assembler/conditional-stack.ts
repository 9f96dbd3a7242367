/** Open conditionals of a source: what %if, %elif, %else and %endif do to them. */

import { LineError } from './diagnostics.ts';
import type { RawLine } from './preprocessor-source.ts';

/** State of one %if ... %endif. */
export interface Conditional {
  /** active: emitting; waiting: no branch taken yet; done: taken; never: inside a skipped part. */
  state: 'active' | 'waiting' | 'done' | 'never';
  seenElse: boolean;
  readonly line: RawLine;
}

export const isActive = ({ state }: Conditional): boolean => state === 'active';

/** %if and %elif: `test` is only asked where the answer counts. */
export function branch(
  stack: Conditional[],
  isElse: boolean,
  test: () => boolean,
  line: RawLine,
): void {
  if (!isElse) {
    const skipped = !stack.every(isActive);
    const conditional: Conditional = { state: 'never', seenElse: false, line };
    stack.push(conditional);
    if (!skipped) conditional.state = test() ? 'active' : 'waiting';
    return;
  }
  const current = stack.at(-1);
  if (!current) throw new LineError("`%elif' without `%if'");
  if (current.seenElse) throw new LineError("`%elif' after `%else'");
  if (current.state === 'active') current.state = 'done';
  else if (current.state === 'waiting' && test()) current.state = 'active';
}

/** %else and %endif. */
export function endBranch(stack: Conditional[], name: string): void {
  const current = stack.at(-1);
  if (!current) throw new LineError(`\`${name}' without \`%if'`);
  if (name === '%endif') {
    stack.pop();
    return;
  }
  if (current.seenElse) throw new LineError("`%else' after `%else'");
  current.seenElse = true;
  if (current.state === 'active') current.state = 'done';
  else if (current.state === 'waiting') current.state = 'active';
}
