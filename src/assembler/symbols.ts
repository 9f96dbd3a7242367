/** Symbols: labels and equ constants, local names, and what is known of them in each pass. */

import type { SectionBase } from './sections.ts';
import { inSection, UNKNOWN, type Value } from './value.ts';

export interface Symbol {
  readonly name: string;
  base: SectionBase | undefined;
  offset: bigint;
  /** Pass in which it was last defined. */
  pass: number;
  /** Line of the definition: `file:line`. */
  where: string;
}

/**
 * Names are case-sensitive. `.x` belongs to the last label that is not local; `..@x` and `..x` are
 * plain names that do not begin a new scope.
 */
export class SymbolTable {
  readonly #symbols = new Map<string, Symbol>();
  #scope = '';
  #pass = 0;
  /** Symbols whose value is not that of the pass before. */
  changed = 0;

  startPass(): void {
    this.#scope = '';
    this.#pass++;
    this.changed = 0;
  }

  values(): IterableIterator<Symbol> {
    return this.#symbols.values();
  }

  /** Full name of a name in the current scope. */
  qualify(name: string): string {
    return isLocal(name) ? this.#scope + name : name;
  }

  find(name: string): Symbol | undefined {
    return this.#symbols.get(this.qualify(name));
  }

  /** Value of a symbol: of this pass if it has been passed, else of the last. */
  value(name: string): Value {
    const symbol = this.find(name);
    return symbol ? inSection(symbol.base, symbol.offset) : UNKNOWN;
  }

  /** True if the symbol has been defined in this pass already. */
  isDefinedYet(name: string): boolean {
    return this.find(name)?.pass === this.#pass;
  }

  /**
   * Defines a name. Returns the earlier definition if this pass has one with another value.
   */
  define(
    name: string,
    base: SectionBase | undefined,
    offset: bigint,
    where: string,
    startsScope: boolean,
  ): Symbol | undefined {
    const full = this.qualify(name);
    if (startsScope && !name.startsWith('.')) this.#scope = name;
    const known = this.#symbols.get(full);
    if (!known) {
      this.changed++;
      this.#symbols.set(full, { name: full, base, offset, pass: this.#pass, where });
      return undefined;
    }
    const same = known.base === base && known.offset === offset;
    if (known.pass === this.#pass) return same && known.where === where ? undefined : known;
    if (!same) this.changed++;
    known.base = base;
    known.offset = offset;
    known.pass = this.#pass;
    known.where = where;
    return undefined;
  }
}

function isLocal(name: string): boolean {
  return name.startsWith('.') && !name.startsWith('..');
}
