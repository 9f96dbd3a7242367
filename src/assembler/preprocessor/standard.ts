/**
 * Macros that every source has: the version of NASM that is followed, and structures (NASM manual 5).
 * The multi-line ones are only read where a source calls them.
 */

import { isOp, type Token, tokenize } from '../lexer.ts';
import type { MultiMacro } from './multi-macros.ts';
import type { RawLine } from './source.ts';

/** Their names stand between `__?` and `?__`, and as an alias between `__` and `__`. */
const CONSTANTS: Readonly<Record<string, string>> = {
  NASM_MAJOR: '2',
  NASM_MINOR: '16',
  NASM_SUBMINOR: '1',
  NASM_PATCHLEVEL: '0',
  NASM_VERSION_ID: '0x02100100',
  NASM_VER: '"2.16.01"',
  // Sources must assemble to the same bytes at any time: it is always the beginning of the epoch.
  DATE: '"1970-01-01"',
  DATE_NUM: '19700101',
  TIME: '"00:00:00"',
  TIME_NUM: '0',
  UTC_DATE: '"1970-01-01"',
  UTC_DATE_NUM: '19700101',
  UTC_TIME: '"00:00:00"',
  UTC_TIME_NUM: '0',
  POSIX_TIME: '0',
};

/** Name, text and aliased name of the single-line macros that do not depend on where they stand. */
export function* standardConstants(
  more: Readonly<Record<string, string>>,
): Generator<readonly [name: string, alias: string, text: string]> {
  for (const [name, text] of Object.entries({ ...CONSTANTS, ...more })) {
    yield [`__?${name}?__`, `__${name}__`, text];
  }
}

interface StandardMacro {
  readonly min: number;
  readonly max: number;
  readonly greedy?: true;
  readonly defaults?: string;
  readonly body: string;
}

/**
 * struc lays names out in absolute space; istruc fills an instance in, `at` up to a field, iend up to the
 * size that endstruc has defined.
 */
const MULTI: Readonly<Record<string, StandardMacro>> = {
  struc: {
    min: 1,
    max: 2,
    defaults: '0',
    body: '%push\n%xdefine %$strucname %1\n[absolute %2]\n%$strucname:',
  },
  endstruc: {
    min: 0,
    max: 0,
    body: '%{$strucname}_size equ $-%$strucname\n%pop\n__?SECT?__',
  },
  istruc: { min: 1, max: 1, body: '%push\n%xdefine %$strucname %1\n%$strucstart:' },
  at: {
    min: 1,
    max: 2,
    greedy: true,
    body: [
      '%defstr %$field %1',
      '%substr %$first %$field 1',
      "%ifidn %$first,'.'",
      'times (%$strucname%1-%$strucname)-($-%$strucstart) db 0',
      '%else',
      'times (%1-%$strucname)-($-%$strucstart) db 0',
      '%endif',
      '%2',
    ].join('\n'),
  },
  iend: {
    min: 0,
    max: 0,
    body: 'times %{$strucname}_size-($-%$strucstart) db 0\n%pop',
  },
};

/**
 * Words that are macros in NASM and directives here, with the numbers for labels (`..@12.name`) that a
 * use of each takes away; `align` and `alignb` call `sectalign`, unless that has been turned off.
 */
const NUMBERED: ReadonlyMap<string, number> = new Map([
  ...'absolute bits common cpu default extern float global org required section sectalign segment'
    .split(' ')
    .map((word) => [word, 1] as const),
  ...'static use16 use32 use64 userel useabs usebnd usenobnd align alignb'
    .split(' ')
    .map((word) => [word, 1] as const),
  ['incbin', 2],
]);

/** How many numbers for labels the directive that a line begins with takes. */
export function numbersTaken(tokens: readonly Token[], alignsSections: boolean): number {
  const [first, second, third] = tokens;
  const word = isOp(second, ':') ? third : first;
  const lower = word?.kind === 'id' ? word.text.toLowerCase() : '';
  const count = NUMBERED.get(lower) ?? (second?.kind === 'id' ? labelled(second) : 0);
  return lower.startsWith('align') && alignsSections ? count + 1 : count;
}

/** A directive behind a label without a colon: only those that leave something. */
function labelled({ text }: Token): number {
  const lower = text.toLowerCase();
  return lower === 'incbin' || lower === 'align' || lower === 'alignb'
    ? (NUMBERED.get(lower) ?? 0)
    : 0;
}

/** The standard multi-line macro of a name, ready to be called. */
export function makeStandardMacro(name: string): MultiMacro | undefined {
  const macro = Object.hasOwn(MULTI, name) ? MULTI[name] : undefined;
  if (!macro) return undefined;
  const { min, max, greedy = false, defaults } = macro;
  return {
    name,
    foldCase: true,
    min,
    max,
    greedy,
    listed: false,
    defaults: defaults === undefined ? [] : [tokenize(defaults)],
    body: bodyOf(macro),
    recursive: false,
    takesLabel: false,
    active: 0,
  };
}

function bodyOf({ body }: StandardMacro): RawLine[] {
  return body.split('\n').map((text) => {
    const tokens: readonly Token[] = tokenize(text);
    return { text, file: '', number: 0, tokens };
  });
}
