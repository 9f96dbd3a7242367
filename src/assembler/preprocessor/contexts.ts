/** The context stack of %push, %pop and %repl, with the macros of each context (NASM manual 4.8). */

import { LineError } from '../diagnostics.ts';
import { MacroTable } from './single-macros.ts';

export interface Context {
  /** Undefined for an anonymous one. */
  name: string | undefined;
  /** Number that makes its labels unique. */
  readonly id: number;
  readonly macros: MacroTable;
}

const LOCAL = /^%(\$+)(.*)$/s;

export class Contexts {
  readonly #stack: Context[] = [];

  push(name: string | undefined, id: number): void {
    this.#stack.push({ name, id, macros: new MacroTable() });
  }

  /** Leaves the innermost context, which must have this name if one is given. */
  pop(name: string | undefined): void {
    const context = this.#stack.at(-1);
    if (!context) throw new LineError("`%pop': context stack is empty");
    if (name !== undefined && !isNamed(context, name)) {
      const found = context.name ?? 'anonymous';
      throw new LineError(`\`%pop' in wrong context: ${found}, expected ${name}`);
    }
    this.#stack.pop();
  }

  rename(name: string | undefined): void {
    const context = this.#stack.at(-1);
    if (!context) throw new LineError("`%repl': context stack is empty");
    context.name = name;
  }

  /** True if the innermost context has this name, in any case. */
  isIn(name: string): boolean {
    const context = this.#stack.at(-1);
    return context !== undefined && isNamed(context, name);
  }

  get all(): readonly Context[] {
    return this.#stack;
  }

  /** The context that `%$name`, `%$$name` and so on refers to, and the name in it. */
  resolve(text: string, column: number): { readonly context: Context; readonly name: string } {
    const [, dollars = '', name = ''] = LOCAL.exec(text) ?? [];
    const depth = this.#stack.length;
    if (depth === 0) throw new LineError(`\`${text}': context stack is empty`, column);
    const context = this.#stack[depth - dollars.length];
    if (!context) {
      const levels = `${depth} level${depth === 1 ? '' : 's'}`;
      throw new LineError(`\`${text}': context stack is only ${levels} deep`, column);
    }
    return { context, name };
  }
}

function isNamed({ name }: Context, wanted: string): boolean {
  return name?.toLowerCase() === wanted.toLowerCase();
}

/** True for `%$name`: a macro or label of a context. */
export function isContextLocal(text: string): boolean {
  return text.startsWith('%$') && text.length > 2;
}
