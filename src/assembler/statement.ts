/** What a line of source says: the syntax tree that the passes go over. */

import type { Expression } from './expression.ts';
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
      /** `count dup (items)`. */
      readonly kind: 'repeat';
      readonly count: Expression;
      readonly items: readonly DataItem[];
      readonly column: number;
    }
  | { readonly kind: 'value'; readonly expression: Expression; readonly column: number };

export interface Data {
  readonly kind: 'data';
  readonly size: 1 | 2 | 4 | 8;
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
  | { readonly kind: 'default'; readonly reference: 'rel' | 'abs' }
  | { readonly kind: 'org'; readonly origin: Expression; readonly column: number }
  | { readonly kind: 'absolute'; readonly address: Expression; readonly column: number }
  | {
      readonly kind: 'section';
      readonly name: string;
      readonly attributes: readonly SectionAttribute[];
      readonly column: number;
    }
  | { readonly kind: 'ignored'; readonly what: string };

export interface SectionAttribute {
  readonly name: string;
  readonly value: Expression | string | undefined;
  readonly column: number;
}
