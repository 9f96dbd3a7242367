/** What a line of source says: the syntax tree that the passes go over. */

import type { Expression } from './expression.ts';
import type { Affix } from './format.ts';
import type { Register } from './registers.ts';

export interface Statement {
  readonly label: Label | undefined;
  readonly times: Expression | undefined;
  readonly body: Body | undefined;
}

export interface Label {
  readonly name: string;
  readonly column: number;
  readonly colon: boolean;
}

export type Body =
  | Instruction
  | Data
  | Reserve
  | IncludeBinary
  | Equate
  | Align
  | Directive
  | Message;

/** What %error, %warning and %note say. */
export interface Message {
  readonly kind: 'message';
  readonly severity: 'error' | 'warning' | 'note';
  readonly text: string;
}

export interface Instruction {
  readonly kind: 'instruction';
  readonly mnemonic: string;
  readonly column: number;
  readonly prefixes: readonly string[];
  /** Segment register written as a prefix. */
  readonly segment: Register | undefined;
  readonly operands: readonly OperandSyntax[];
}

export interface OperandSyntax {
  readonly kind: 'memory' | 'value' | 'far';
  /** Size keyword, in bits. */
  readonly bits: number | undefined;
  readonly strict: boolean;
  readonly distance: 'short' | 'near' | 'far' | undefined;
  readonly expression: Expression;
  /** Offset behind the colon of a far pointer. */
  readonly offset: Expression | undefined;
  readonly column: number;
  /** Only for memory. */
  readonly nosplit: boolean;
  readonly displacementBits: number | undefined;
  readonly addressBits: number | undefined;
  readonly reference: 'rel' | 'abs' | undefined;
  readonly segment: Register | undefined;
}

export type DataItem =
  | { readonly kind: 'string'; readonly bytes: string }
  | {
      readonly kind: 'float';
      readonly text: string;
      readonly negative: boolean;
      readonly column: number;
    }
  | { readonly kind: 'reserve' }
  | {
      /** Items with a size of their own, or a list. */
      readonly kind: 'group';
      readonly size: DataSize | undefined;
      readonly items: readonly DataItem[];
    }
  | {
      /** `count dup (items)`. */
      readonly kind: 'repeat';
      readonly count: Expression;
      readonly items: readonly DataItem[];
      readonly column: number;
    }
  | { readonly kind: 'value'; readonly expression: Expression; readonly column: number };

/** Bytes of a unit of data: db to dz. */
export type DataSize = 1 | 2 | 4 | 8 | 10 | 16 | 32 | 64;

export interface Data {
  readonly kind: 'data';
  readonly size: DataSize;
  readonly items: readonly DataItem[];
}

export interface Reserve {
  readonly kind: 'reserve';
  readonly size: number;
  readonly count: Expression;
  readonly column: number;
}

export interface IncludeBinary {
  readonly kind: 'incbin';
  readonly path: string;
  readonly offset: Expression | undefined;
  readonly length: Expression | undefined;
}

export interface Equate {
  readonly kind: 'equ';
  readonly value: Expression;
  readonly column: number;
}

/** `align` fills with `fill` (nop where it is absent), `alignb` reserves. */
export interface Align {
  readonly kind: 'align';
  readonly alignment: Expression;
  readonly fill: Statement | undefined;
  readonly reserves: boolean;
  readonly column: number;
}

export type Directive =
  | { readonly kind: 'bits'; readonly bits: Expression; readonly column: number }
  | {
      readonly kind: 'osabi';
      readonly abi: Expression;
      readonly version: Expression | undefined;
      readonly column: number;
    }
  | {
      readonly kind: 'affix';
      readonly facility: string;
      readonly which: Affix;
      readonly text: string;
    }
  | { readonly kind: 'list'; readonly isOn: boolean }
  | { readonly kind: 'warning'; readonly words: readonly string[] }
  | { readonly kind: 'cpu'; readonly words: readonly ProcessorWord[] }
  | { readonly kind: 'default'; readonly reference: 'rel' | 'abs' | 'bnd' | 'nobnd' }
  | { readonly kind: 'org'; readonly origin: Expression; readonly column: number }
  | { readonly kind: 'absolute'; readonly address: Expression; readonly column: number }
  | {
      readonly kind: 'sectalign';
      readonly alignment: Expression | boolean;
      readonly column: number;
    }
  | SectionDirective
  | SymbolDirective
  | { readonly kind: 'ignored'; readonly what: string };

/** A word of `cpu 386, latevex`. */
export interface ProcessorWord {
  readonly text: string;
  readonly column: number;
}

export interface SectionDirective {
  readonly kind: 'section';
  readonly name: string;
  readonly attributes: readonly SectionAttribute[];
  readonly column: number;
}

/** `write`, `align=16`, `follows=.data`. */
export interface SectionAttribute {
  /** In lower case. */
  readonly name: string;
  readonly value: Expression | string | undefined;
  /** As it was written. */
  readonly text: string;
  readonly column: number;
}

export type Linkage = 'global' | 'static' | 'extern' | 'required' | 'common';

export interface SymbolDirective {
  readonly kind: 'symbols';
  readonly linkage: Linkage;
  readonly symbols: readonly DeclaredSymbol[];
}

/** `name:function hidden (end - name)`, or `name 8:4` behind `common`. */
export interface DeclaredSymbol {
  readonly name: string;
  /** Words behind the colon, in lower case: type, visibility, binding. */
  readonly words: readonly string[];
  /** Size, or bytes of a common symbol. */
  readonly size: Expression | undefined;
  /** Of a common symbol. */
  readonly alignment: Expression | undefined;
  readonly column: number;
}
