/** %include, %use, %line and others that say where lines come from (NASM manual 4.9-4.11). */

import { LineError } from '../diagnostics.ts';
import { detokenize, isOp, type Token } from '../lexer.ts';
import { packageName } from './conditions.ts';
import { booleanOption } from './define-directives.ts';
import { type Handler, takeFileName } from './directive.ts';

const include: Handler = (pp, tokens, { name, line }) => {
  pp.include(takeFileName(pp.macros, tokens, name), line);
};

const depend: Handler = ({ macros }, tokens, { name }) => {
  takeFileName(macros, tokens, name);
};

const use: Handler = (pp, tokens, { name, line }) => {
  const [token, ...rest] = pp.macros.expand(tokens);
  const wanted = packageName(token, name);
  if (rest.length > 0) {
    pp.macros.warn(`trailing garbage after \`${name}' ignored [-w+pp-trailing]`);
  }
  if (!pp.macros.isUsable(wanted)) {
    throw new LineError(`unknown \`${name}' package: \`${wanted}'`, token?.column);
  }
  pp.use(wanted.toLowerCase(), line);
};

function lineNumber(token: Token | undefined, message: string): number {
  if (token?.kind === 'number') return Number(token.value);
  throw new LineError(message, token?.column);
}

/** `%line 5+1 file.c`: the number of this line, how numbers grow, the file. */
const setLine: Handler = (pp, tokens, { name }) => {
  const number = lineNumber(tokens[0], `\`${name}' expects line number`);
  const grows = isOp(tokens[1], '+');
  const increment = grows ? lineNumber(tokens[2], `\`${name}' expects line increment`) : 1;
  const file = detokenize(tokens.slice(grows ? 3 : 1)).trim();
  pp.setLine(number, increment, file === '' ? undefined : file.replace(/^(["'`])(.*)\1$/, '$2'));
};

/** Options of the preprocessor itself; those for other parts of the assembler become a directive. */
const pragma: Handler = (pp, tokens) => {
  const [facility, option, ...rest] = pp.macros.expand(tokens);
  if (facility?.text.toLowerCase() !== 'preproc') {
    if (facility) pp.directive(`[pragma ${detokenize(tokens)}]`);
    return;
  }
  if (option?.text.toLowerCase() === 'sane_empty_expansion') {
    pp.saneEmptyExpansion = booleanOption(pp.macros, rest);
  }
};

export const FILE_DIRECTIVES: readonly (readonly [string, Handler])[] = [
  ['%include', include],
  ['%depend', depend],
  ['%use', use],
  ['%line', setLine],
  ['%pragma', pragma],
];
