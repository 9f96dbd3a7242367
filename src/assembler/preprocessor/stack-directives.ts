/** %stacksize, %arg and %local: names for what a function has on the stack (NASM manual 4.13). */

import { LineError } from '../diagnostics.ts';
import { isOp, type Token, tokenize } from '../lexer.ts';
import { type Handler, type PreprocessorApi, type StackModel, splitAtCommas } from './directive.ts';
import { numberTokens } from './tokens.ts';

const FLAT: StackModel = { slot: 4, pointer: 'ebp', argument: 8, local: 0 };

/** The model that a source begins with. */
export function initialStack(): StackModel {
  return { ...FLAT };
}

const MODELS: Readonly<Record<string, StackModel>> = {
  flat: FLAT,
  flat64: { slot: 8, pointer: 'rbp', argument: 16, local: 0 },
  large: { slot: 2, pointer: 'bp', argument: 4, local: 0 },
  small: { slot: 2, pointer: 'bp', argument: 6, local: 0 },
};

const SIZES: Readonly<Record<string, number>> = {
  byte: 1,
  word: 2,
  dword: 4,
  qword: 8,
  tword: 10,
  oword: 16,
  yword: 32,
};

const stackSize: Handler = (pp, tokens, { name }) => {
  const [word] = tokens;
  if (word?.kind !== 'id') throw new LineError(`\`${name}' missing size parameter`);
  const model = MODELS[word.text.toLowerCase()];
  if (!model) throw new LineError(`\`${name}' invalid size type`, word.column);
  Object.assign(pp.stack, model);
};

interface Variable {
  readonly name: Token;
  /** Bytes, in whole slots. */
  readonly size: number;
}

/** Reads `name:size, name:size`. */
function readVariables(
  { macros }: PreprocessorApi,
  tokens: readonly Token[],
  directive: string,
  slot: number,
): Variable[] {
  return splitAtCommas(tokens).map(([name, colon, type]) => {
    if (name?.kind !== 'id') throw new LineError(`\`${directive}' missing argument parameter`);
    if (!isOp(colon, ':')) {
      throw new LineError(`syntax error processing \`${directive}' directive`, colon?.column);
    }
    if (type?.kind !== 'id') {
      throw new LineError(`\`${directive}' missing size type parameter`, type?.column);
    }
    const [word] = macros.expand([type]);
    const size = SIZES[word?.text.toLowerCase() ?? ''];
    if (size === undefined) {
      throw new LineError(`invalid size type for \`${directive}' missing directive`, type.column);
    }
    return { name, size: Math.ceil(size / slot) * slot };
  });
}

function defineAt(pp: PreprocessorApi, name: Token, text: string): void {
  pp.macros.define(name, { parameters: undefined, body: tokenize(text), foldCase: false });
}

const args: Handler = (pp, tokens, { name: directive }) => {
  const model = pp.stack;
  for (const { name, size } of readVariables(pp, tokens, directive, model.slot)) {
    defineAt(pp, name, `(${model.pointer}+${model.argument})`);
    model.argument += size;
  }
};

const LOCAL_SIZE: Token = { kind: 'pp', text: '%$localsize', column: 0, space: false };

/** Locals also add up in %$localsize, which `enter` can take. */
const locals: Handler = (pp, tokens, { name: directive }) => {
  const model = pp.stack;
  for (const { name, size } of readVariables(pp, tokens, directive, model.slot)) {
    model.local += size;
    defineAt(pp, name, `(${model.pointer}-${model.local})`);
    const total = pp.macros.number([LOCAL_SIZE]) + BigInt(size);
    const body = numberTokens(total);
    pp.macros.define(LOCAL_SIZE, { parameters: undefined, body, foldCase: false });
  }
};

export const STACK_DIRECTIVES: readonly (readonly [string, Handler])[] = [
  ['%stacksize', stackSize],
  ['%arg', args],
  ['%local', locals],
];
