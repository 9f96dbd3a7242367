/** %macro, %rep and what belongs to them: directives that keep lines for later (NASM manual 4.5, 4.7). */

import { LineError } from '../diagnostics.ts';
import type { Token } from '../lexer.ts';
import { type Handler, type PreprocessorApi, takeName } from './directive.ts';
import { greedyPart, splitParameters, stripBraces } from './macro-call.ts';
import { type MultiMacro, overlaps, parseCount, type Signature } from './multi-macros.ts';
import type { RawLine } from './source.ts';
import { trimStart } from './tokens.ts';

/** Reads `name 1-3+` behind a directive. */
function readSignature(
  { macros }: PreprocessorApi,
  tokens: readonly Token[],
  directive: string,
  foldCase: boolean,
): { readonly signature: Signature; readonly rest: readonly Token[] } {
  const { name, rest } = takeName(macros, tokens, directive);
  if (name.kind !== 'id') throw new LineError(`\`${directive}' expects a macro name`, name.column);
  const expanded = macros.expand(rest);
  const { end, ...count } = parseCount(expanded, directive);
  return { signature: { name: name.text, foldCase, ...count }, rest: expanded.slice(end) };
}

const isNolist = (token: Token | undefined): boolean => token?.text.toLowerCase() === '.nolist';

/** `name 1-3+.nolist defaults`. */
function readHeader(
  pp: PreprocessorApi,
  tokens: readonly Token[],
  directive: string,
  foldCase: boolean,
): MultiMacro {
  const { signature, rest } = readSignature(pp, tokens, directive, foldCase);
  const listed = !isNolist(rest[0]);
  const { name, min, max, greedy } = signature;
  const defaults = splitDefaults(trimStart(listed ? rest : rest.slice(1)), signature);
  if (defaults.length > 1 && defaults.at(-1)?.length === 0 && !pp.saneEmptyExpansion) {
    defaults.pop();
    pp.macros.warn(
      `dropping trailing empty default parameter in definition of multi-line macro \`${name}' [-w+pp-macro-params-legacy]`,
    );
  }
  if (defaults.length > max - min && !greedy) {
    pp.macros.warn(`too many default macro parameters in macro \`${name}' [-w+pp-macro-defaults]`);
  }
  return {
    ...signature,
    listed,
    defaults: defaults.map(stripBraces),
    body: [],
    recursive: false,
    takesLabel: false,
    active: 0,
  };
}

/** Defaults for the parameters above the least number; a greedy one takes all that is left. */
function splitDefaults(
  tokens: readonly Token[],
  { min, max, greedy }: Signature,
): (readonly Token[])[] {
  const parts = splitParameters(tokens);
  const count = max - min;
  if (!greedy || count < 1 || parts.length <= count) return parts;
  return [...parts.slice(0, count - 1), greedyPart(parts, tokens, count)];
}

function define(foldCase: boolean, recursive: boolean): Handler {
  return (pp, tokens, { name: directive, line }) => {
    // Until the header has been understood, its body goes nowhere.
    pp.collect('macro', line, [], () => {});
    const header = { ...readHeader(pp, tokens, directive, foldCase), recursive };
    const { name } = header;
    if (pp.macros.multi.named(name).some((other) => overlaps(other, header))) {
      pp.macros.warn(`redefining multi-line macro \`${name}' [-w+pp-macro-redef-multi]`);
    }
    pp.collect('macro', line, header.body, () => {
      const takesLabel = header.body.some(({ text }) => text.includes('%00'));
      pp.macros.multi.define({ ...header, takesLabel });
    });
  };
}

function undefine(foldCase: boolean): Handler {
  return (pp, tokens, { name: directive }) => {
    pp.macros.multi.undefine(readSignature(pp, tokens, directive, foldCase).signature);
  };
}

const MAX_REPEAT = 1_000_000n;

const repeat: Handler = (pp, tokens, { line }) => {
  pp.collect('rep', line, [], () => {});
  const listed = !isNolist(tokens[0]);
  const count = listed ? tokens : tokens.slice(1);
  if (count.length === 0) throw new LineError("`%rep' expects a repeat count");
  const times = pp.macros.number(count);
  if (times > MAX_REPEAT) {
    throw new LineError(`\`%rep' count ${times} exceeds limit (currently ${MAX_REPEAT})`);
  }
  if (times < 0n) pp.macros.warn(`negative \`%rep' count: ${times} [-w+pp-rep-negative]`);
  const body: RawLine[] = [];
  pp.collect('rep', line, body, () => {
    if (times > 0n) pp.repeat(body, Number(times), line, listed);
  });
};

const rotate: Handler = ({ frame, macros }, tokens) => {
  if (tokens.length === 0) throw new LineError("`%rotate' missing rotate count");
  const by = macros.number(tokens);
  if (!frame) throw new LineError("`%rotate' invoked outside a macro call");
  const count = BigInt(frame.parameters.length);
  if (count === 0n) {
    throw new LineError("`%rotate' invoked within macro without parameters");
  }
  const rotation = (BigInt(frame.rotation) + by) % count;
  frame.rotation = Number(rotation < 0n ? rotation + count : rotation);
};

const strayEnd: Handler = (_, __, { name }) => {
  throw new LineError(`\`${name}': not defining a macro`);
};

const strayEndOfRepeat: Handler = () => {
  throw new LineError("`%endrep': no matching `%rep'");
};

export const MACRO_DIRECTIVES: readonly (readonly [string, Handler])[] = [
  ['%macro', define(false, false)],
  ['%imacro', define(true, false)],
  ['%rmacro', define(false, true)],
  ['%irmacro', define(true, true)],
  ['%endmacro', strayEnd],
  ['%endm', strayEnd],
  ['%exitmacro', (pp) => pp.exitMacro()],
  ['%unmacro', undefine(false)],
  ['%unimacro', undefine(true)],
  ['%rep', repeat],
  ['%endrep', strayEndOfRepeat],
  ['%exitrep', (pp) => pp.exitRepeat()],
  ['%rotate', rotate],
];
