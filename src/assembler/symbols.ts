/**
 * Symbols: labels, equ constants and symbols of other objects, local names, and what is known of them in
 * each pass.
 */

import type { Base } from './base.ts';
import type { Expression } from './expression.ts';
import type { Linkage } from './statement.ts';
import { fromBase, UNKNOWN, type Value } from './value.ts';

export interface Symbol {
  readonly name: string;
  base: Base | undefined;
  offset: bigint;
  /** Pass in which it was last defined. */
  pass: number;
  /** Line of the definition: `file:line`. */
  where: string;
  /** Some expression has asked for it. */
  isUsed: boolean;
}

/** What global, extern and their kin say of a symbol. */
export interface Declaration {
  linkage: Linkage;
  /** Type, visibility and binding as the source names them. */
  readonly words: readonly string[];
  size: bigint;
  /** Size of a symbol that is defined here: what it is then. */
  readonly sizeExpression: Expression | undefined;
  readonly alignment: bigint;
}

/**
 * Names are case-sensitive. `.x` belongs to the last label that is not local; `..@x` and `..x` are
 * plain names that do not begin a new scope.
 */
export class SymbolTable {
  readonly #symbols = new Map<string, Symbol>();
  readonly #declarations = new Map<string, Declaration>();
  readonly #order = new Map<string, number>();
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

  /** Symbols in the order in which the source defines or declares them. */
  inOrder(): Symbol[] {
    const place = ({ name }: Symbol): number => this.#order.get(name) ?? 0;
    return [...this.#symbols.values()].sort((a, b) => place(a) - place(b));
  }

  /** Takes note of a constant whose value is not known yet. */
  expect(name: string): void {
    this.changed++;
    this.#place(this.qualify(name));
  }

  /** Full name of a name in the current scope. */
  qualify(name: string): string {
    return isLocal(name) ? this.#scope + name : name;
  }

  find(name: string): Symbol | undefined {
    return this.#symbols.get(this.qualify(name));
  }

  /** What is declared of a full name. */
  declarationOf(name: string): Declaration | undefined {
    return this.#declarations.get(name);
  }

  /** What is declared of a name in the current scope. */
  declaration(name: string): Declaration | undefined {
    return this.#declarations.get(this.qualify(name));
  }

  /** Value of a symbol: of this pass if it has been passed, else of the last. */
  value(name: string): Value {
    const symbol = this.find(name);
    if (!symbol) return UNKNOWN;
    symbol.isUsed = true;
    return fromBase(symbol.base, symbol.offset);
  }

  /** True if the symbol has been defined in this pass already. */
  isDefinedYet(name: string): boolean {
    return this.find(name)?.pass === this.#pass;
  }

  /** Takes note of a declaration. Returns what is wrong with it, if anything is. */
  declare(name: string, declaration: Declaration): string | undefined {
    const full = this.qualify(name);
    const { linkage } = declaration;
    const known = this.#declarations.get(full);
    const isStatic = (which: Linkage | undefined): boolean => which === 'static';
    if (known && isStatic(known.linkage) !== isStatic(linkage)) {
      return `symbol \`${full}' declared both as static and global`;
    }
    this.#declarations.set(full, declaration);
    if (linkage === 'extern' || linkage === 'required' || linkage === 'common') {
      this.#declareExternal(full, declaration);
    }
    return undefined;
  }

  /** A symbol that is defined here after all is global. */
  #declareExternal(name: string, declaration: Declaration): void {
    const symbol = this.#symbols.get(name);
    if (symbol && symbol.base?.kind !== 'external') {
      declaration.linkage = 'global';
      return;
    }
    if (symbol) return;
    this.changed++;
    const base = { kind: 'external', name } as const;
    this.#place(name);
    this.#symbols.set(name, { name, base, offset: 0n, pass: 0, where: '', isUsed: false });
  }

  #place(name: string): void {
    if (!this.#order.has(name)) this.#order.set(name, this.#order.size);
  }

  /**
   * Defines a name. Returns the earlier definition if this pass has one with another value.
   */
  define(
    name: string,
    base: Base | undefined,
    offset: bigint,
    where: string,
    startsScope: boolean,
  ): Symbol | undefined {
    const full = this.qualify(name);
    if (startsScope && !name.startsWith('.')) this.#scope = name;
    const known = this.#symbols.get(full);
    if (!known) {
      this.changed++;
      this.#place(full);
      const symbol = { name: full, base, offset, pass: this.#pass, where, isUsed: false };
      this.#symbols.set(full, symbol);
      return undefined;
    }
    const declaration = this.#declarations.get(full);
    if (declaration?.linkage === 'common') return known;
    if (known.base?.kind === 'external' && declaration) declaration.linkage = 'global';
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

/** A name that belongs to the output format: `..start`. */
export function isSpecial(name: string): boolean {
  return name.startsWith('..') && !name.startsWith('..@');
}
