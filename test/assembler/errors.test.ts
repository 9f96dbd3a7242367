import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { AssemblyError, formatDiagnostic } from '../../src/assembler/diagnostics.ts';
import type { ReadFile } from '../../src/assembler/options.ts';
import { whyAbsent } from '../../src/isa/table/absent.ts';
import { ROWS } from '../../src/isa/table.ts';

function failure(source: string, readFile?: ReadFile): AssemblyError {
  try {
    assemble(source, readFile ? { file: 'a.asm', readFile } : { file: 'a.asm' });
  } catch (error) {
    if (error instanceof AssemblyError) return error;
    throw error;
  }
  throw new Error('assembled without an error');
}

/** `line:column message` of each error. */
function errors(source: string): string[] {
  return failure(source).diagnostics.map(
    ({ line, column, message }) => `${line}:${column} ${message}`,
  );
}

/** Message of the only error of one line in 64-bit code. */
function error(line: string): string {
  const all = errors(`bits 64\n${line}\n`);
  expect(all).toHaveLength(1);
  return (all[0] as string).replace(/^\d+:\d+ /, '');
}

describe('messages', () => {
  it.each([
    ['mov eax, x', "symbol `x' not defined"],
    ['mov eax, .x', "symbol `.x' not defined"],
    ['mov eax, rbx', 'invalid combination of opcode and operands'],
    ['inc [rax]', 'operation size not specified'],
    ['mov eax, word [rax]', 'mismatch in operand sizes'],
    ['pushad', 'instruction not supported in 64-bit mode'],
    ['push eax', 'instruction not supported in 64-bit mode'],
    ['jmp 8:5', 'instruction not supported in 64-bit mode'],
    ['mov ah, r8b', 'cannot use high byte register in rex instruction'],
    ['jmp short $+200', 'short jump is out of range'],
    ['loop $+200', 'short jump is out of range'],
    ['mov rax, [rsp*2]', 'invalid 64-bit effective address'],
    ['mov rax, [eax+rbx]', 'impossible combination of address sizes'],
    ['mov rax, [rax', 'expecting ] at end of memory operand'],
    ['db 1 +', 'expression syntax error'],
    ['db (1', "expecting `)'"],
    ['db 1/0', 'division by zero'],
    ['db -1 dup (5)', 'negative argument supplied to DUP'],
    ['db $ dup (5)', 'non-constant argument supplied to DUP'],
    ['db 2 dup (5', "expecting `)'"],
    ['mov rax, 1.5', 'floating-point constant in an expression'],
    ['dq __?float64?__(x)', 'floating-point constant expected'],
    ["db 'abc", 'unterminated string'],
    ['times -1 nop', 'TIMES value -1 is negative'],
    ['align 3', "segment alignment `3' is not power of two"],
    ['dt 1', 'integer supplied as 80-bit data'],
    ['dy 1.0', 'no 256-bit floating-point format supported'],
    ['dq 123p', 'packed BCD requires an 80-bit format'],
    ['dw __?utf16?__(1)', "`__?utf16?__' must be followed by a string constant"],
    ['dw __?utf16?__(`\\xff`)', "invalid input string to `__?utf16?__'"],
    ['dd __?ilog2e?__ 9', 'ilog2 argument is not a power of two'],
    ['dd 0_x1', "invalid number `0_x1'"],
    ['{rex} mov ah, bl', 'cannot use high byte register in rex instruction'],
    ['{foo} nop', "`foo' is not a valid decorator with braces"],
    ['{vex} nop', 'instruction not encodable with {vex} prefix'],
    ['{rex} andn eax, ebx, ecx', 'instruction not encodable with {rex} prefix'],
    ['{rex}', 'instruction not encodable with {rex} prefix'],
    ['bnd nop', 'bnd prefix is not allowed'],
    ['bnd jmp short $', 'bnd prefix is not allowed'],
    ['nobnd', 'nobnd prefix is not allowed'],
    ['mov far eax, ebx', 'invalid use of FAR operand specifier'],
    ['cpu foo', "unknown CPU type or flag 'foo'"],
    ['[use32]', 'unrecognised directive'],
    ['[list]', 'invalid parameter to [list] directive'],
    ['osabi 3', "`osabi' is for ELF objects"],
    ['%pop', "`%pop': context stack is empty"],
    ['%push a\n%pop b', "`%pop' in wrong context: a, expected b"],
    ['%repl x', "`%repl': context stack is empty"],
    ['db %$x', "`%$x': context stack is empty"],
    ['%push\ndb %$$x', "`%$$x': context stack is only 1 level deep"],
    ['%1', "`%1': not in a macro call"],
    ['%%x:', "`%%x': not in a macro call"],
    ['%rotate 1', "`%rotate' invoked outside a macro call"],
    ['%macro m 1\ndb %{1:3}\n%endmacro\nm 1', "`%{1:3}': macro parameters out of range"],
    ['%macro m 1\nj%-1 $\n%endmacro\nm x', "macro parameter `%-1' is not a condition code"],
    ['%macro m 1\nj%-1 $\n%endmacro\nm cxz', "condition code `cxz' is not invertible"],
    ['%macro m 3-1\n%endmacro', 'minimum parameter count exceeds maximum'],
    ['%macro m\n%endmacro', "`%macro' expects a parameter count"],
    ['%macro 5 1\n%endmacro', "`%macro' expects a macro identifier"],
    ['%define', "`%define' expects a macro identifier"],
    ['%define f(a', "`)' expected to terminate macro template"],
    ['%define f(a+,b) a', 'greedy parameter must be last'],
    ['%define f(a) a\ndb f(1', "macro call expects terminating `)'"],
    ['%assign x y', "symbol `y' not defined before use"],
    ['%assign x rax', 'non-constant value given to a preprocessor directive'],
    ['%strlen x 5', "`%strlen' requires string as second parameter"],
    ['%strcat x "a" b', "non-string passed to `%strcat': b"],
    ['%use nonsense', "unknown `%use' package: `nonsense'"],
    ['%ifidn a b\n%endif', "`%ifidn' expects two comma-separated arguments"],
    ['%iffoo\n%endif', "unknown preprocessor directive `%iffoo'"],
    ['%exitmacro', "`%exitmacro' not within `%macro' block"],
    ['%line x', "`%line' expects line number"],
    ['%arg x', "syntax error processing `%arg' directive"],
    ['db %num(5,3,99)', 'invalid base 99 given to %num()'],
    ['db %[%{', "unterminated `%['"],
    ['extern x\n dw x', 'binary output format does not support external references'],
    ['common x 4', 'binary output format does not support common variables'],
    ['bits 8', "`8' is not a valid segment size; must be 16, 32 or 64"],
    ['bits 32\nmov eax, [rax]', 'impossible combination of address sizes'],
    ['bits 16\nmov r8d, eax', 'invalid operands in non-64-bit mode'],
    ['bits 16\nmov ax, [bx+bp]', 'invalid 16-bit effective address'],
    ['%foo', "unknown preprocessor directive `%foo'"],
    ['%else', "`%else': no matching `%if'"],
    ['%endif', "`%endif': no matching `%if'"],
    ['%elif 1', "`%elif': no matching `%if'"],
    ['%if 1', "expected `%endif' before end of file"],
    ['%macro a 0', "end of file while still in `%macro'"],
    ['%rep 2', "end of file while still in `%rep'"],
    ['%endmacro', "`%endmacro': not defining a macro"],
    ['%endrep', "`%endrep': no matching `%rep'"],
    ['%exitrep', "`%exitrep' not within `%rep' block"],
    ['%error oh no', 'oh no'],
    ['%fatal "the end"', 'the end'],
    ['%include "none.inc"', "unable to open include file `none.inc'"],
    ['incbin "none.bin"', "unable to open input file `none.bin'"],
    ['equ 5', 'equ without a label'],
    ['5 nop', 'label or instruction expected at start of line'],
    ['dd rax', 'expression is not simple or relocatable'],
    ['section .text align=3', "argument to `align' is not a power of two"],
    ['dd seg x', '`seg` is not supported: neither flat output nor ELF has segment bases'],
  ])('%s: %s', (line, message) => {
    expect(error(line)).toBe(message);
  });
});

describe('instructions without rows', () => {
  it.each([
    'fninit',
    'wait',
    'emms',
    'VMFUNC',
    'vzeroupper',
    'movaps xmm0, xmm1',
    'x: fld dword [rax]',
    'rep rsm',
    'retw',
    'ud2a',
    'emms equ 5',
  ])('%s is not supported', (line) => {
    const name = line.replace(/^(x:|rep) /, '').split(' ')[0];
    expect(error(line)).toBe(`instruction \`${name?.toLowerCase()}' is not supported`);
  });

  it.each(['pusha', 'aaa', 'into', 'salc', 'lds eax, [rax]', 'arpl ax, bx'])(
    '%s is not supported in 64-bit mode',
    (line) => {
      expect(error(line)).toBe('instruction not supported in 64-bit mode');
    },
  );

  it('lets their names be labels where a colon or a dollar sign says so', () => {
    const { symbols } = assemble('bits 64\nemms: nop\n$wait: nop\n', { file: 'a.asm' });
    expect([...symbols.keys()]).toEqual(['emms', 'wait']);
  });

  it('are not in the table', () => {
    expect(ROWS.filter(({ mnemonic }) => whyAbsent(mnemonic) !== undefined)).toEqual([]);
  });
});

describe('instructions that cpu rules out', () => {
  it.each([
    ['8086', 'push 5'],
    ['8086', 'rol ax, 3'],
    ['8086', 'jz near $+5'],
    ['8086', 'imul ax, bx, 3'],
    ['186', 'lgdt [bx]'],
    ['286', 'mov eax, 1'],
    ['286', 'push fs'],
    ['386', 'bswap eax'],
    ['486', 'cpuid'],
    ['586', 'cmovz eax, ebx'],
    ['katmai', 'mfence'],
    ['prescott', 'popcnt eax, ebx'],
    ['nehalem', 'rdrand eax'],
  ])('%s: %s', (cpu, line) => {
    const message = 'no instruction for this cpu level';
    expect(errors(`cpu ${cpu}\n${line}\n`)).toEqual([`2:1 ${message}`]);
  });

  it('and code sizes', () => {
    expect(errors('cpu 286\nbits 32\nbits 64\n')).toEqual([
      '2:1 cannot specify 32-bit segment on processor below a 386',
      '3:1 cannot specify 64-bit segment on processor below an x86-64',
    ]);
  });
});

describe('positions', () => {
  it('collects all errors, with line and column', () => {
    expect(errors('bits 64\n mov eax, nowhere\n nop\n db 1 + )\n foo bar\n')).toEqual([
      '4:9 expression syntax error',
      '5:6 parser: instruction expected',
      "2:11 symbol `nowhere' not defined",
    ]);
  });

  it.each([
    ['  mov eax, rbx', 3],
    ['x: mov eax, word [rax]', 4],
    ['  inc [rax]', 7],
    ['  mov [rax], 5', 7],
    ['  mov rax, [rsp*2]', 12],
    ['  mov rax, [eax+rbx]', 12],
    ['  mov ah, r8b', 3],
    ['  push eax', 3],
    ['  rep repne movsb', 13],
    ['  lock emms', 8],
  ])('points into %s', (line, column) => {
    const [diagnostic] = failure(`bits 64\n${line}\n`).diagnostics;
    expect(diagnostic?.column).toBe(column);
  });

  it('shows the line with a caret and the chain of expansions', () => {
    const source =
      'bits 64\n%macro inner 1\n\tmov eax, %1\n%endmacro\n%macro outer 0\n inner lost\n%endmacro\nouter\n';
    const [diagnostic] = failure(source).diagnostics;
    expect(formatDiagnostic(diagnostic as never)).toBe(
      [
        "a.asm:3:11: error: symbol `lost' not defined",
        '     mov eax, %1',
        '              ^',
        "a.asm:6: ... from macro `inner'",
        "a.asm:8: ... from macro `outer'",
      ].join('\n'),
    );
  });

  it('points to the call of a macro that every source has', () => {
    const [diagnostic] = failure('nop\nendstruc\n').diagnostics;
    expect(formatDiagnostic(diagnostic as never)).toMatch(
      /^a\.asm:2:\d+: error: .*\n {4}endstruc\n(.*\n)*a\.asm:2: \.\.\. from macro `endstruc'$/,
    );
  });

  it('names the include', () => {
    const readFile: ReadFile = (path) => ({ path: `lib/${path}`, text: 'junk junk\n' });
    const [diagnostic] = failure('nop_label:\n%include "x.inc"\n', readFile).diagnostics;
    expect(diagnostic?.file).toBe('lib/x.inc');
    expect(diagnostic?.chain.map(({ what, at }) => `${what} ${at.line}`)).toEqual([
      "include of `lib/x.inc' 2",
    ]);
  });

  it('tells redefinitions', () => {
    expect(errors('bits 64\nx: nop\nx: nop\n')).toEqual([
      "3:1 label `x' inconsistently redefined (first at a.asm:2)",
    ]);
  });

  it('reports a macro that is called with other parameters', () => {
    const { diagnostics } = failure('bits 64\n%macro m 2\n%endmacro\nm 1\n');
    expect(diagnostics.map(({ message }) => message)).toEqual([
      "multi-line macro `m' exists, but not taking 1 parameter [-w+pp-macro-params-multi]",
      'parser: instruction expected',
    ]);
  });
});

describe('bounds', () => {
  it.each([
    ['%defalias a a\n%assign a 1\n', 'macro alias loop'],
    ['%defalias a b\n%defalias b a\n%ifdef a\n%endif\n', 'macro alias loop'],
    [`%define s "12345678"\n${'%strcat s s,s,s,s,s,s,s,s\n'.repeat(12)}`, 'string is too long'],
  ])('aliases and strings', (source, message) => {
    expect(errors(source)[0]).toContain(message);
  });

  const quick = (source: string, readFile?: ReadFile): string => {
    const start = process.cpuUsage();
    const { code, diagnostics } = failure(`bits 64\n${source}`, readFile);
    expect(process.cpuUsage(start).user).toBeLessThan(20e6);
    return `${code}: ${diagnostics.at(-1)?.message}`;
  };

  it.each([
    ['a macro that calls itself', '%rmacro m 0\n m\n%endmacro\nm\n', /nested too deeply/],
    [
      'repetitions in repetitions',
      '%rep 1000000\n%rep 1000000\n db 1\n%endrep\n%endrep\n',
      /limit: more than .* lines/,
    ],
    ['a repetition count', '%rep 1 << 60\n db 1\n%endrep\n', /exceeds limit/],
    [
      'an empty repetition',
      '%rep 1000000\n%rep 1000000\n%rep 1000000\n%endrep\n%endrep\n%endrep\n',
      /limit/,
    ],
    [
      'macros that double',
      `%define a0 x x\n${Array.from({ length: 60 }, (_, i) => `%define a${i + 1} a${i} a${i}`).join('\n')}\n db a60\n`,
      /macro expansion is too long/,
    ],
    ['times', 'times 1 << 60 nop\n', /limit: output is larger/],
    ['times of data', 'times 0x7fffffff dq 1\n', /limit: output is larger/],
    ['dup', 'db 1 << 60 dup (5)\n', /limit: output is larger/],
    ['dup of nothing', "db 1 << 60 dup ('')\nx y\n", /instruction expected/],
    ['dup of places', 'x: dq 1 << 40 dup (x)\n', /limit: output is larger/],
    ['dup in dup', `db ${'1 dup ('.repeat(100000)}\n`, /nested too deeply/],
    ['dup of dup', `db ${'9 dup '.repeat(40)} 1\n`, /limit: output is larger/],
    ['resb', 'section .bss\nresb 1 << 40\n', /limit: output is larger/],
    ['align', 'align 1 << 40\nnop\nalign 1 << 40\n', /limit: output is larger/],
    ['a far section', 'nop\nsection .data start=0x7fffffffff\ndb 1\n', /limit: output is larger/],
    ['parentheses', `db ${'('.repeat(100000)}1\n`, /nested too deeply/],
    ['unary operators', `db ${'-'.repeat(100000)}1\n`, /nested too deeply/],
    ['many errors', 'junk junk\n'.repeat(100000), /too many errors/],
    [
      'labels that never settle',
      'a: times (b - a) < 5 db 1, 2, 3, 4, 5, 6\nb:\n',
      /unable to find valid values/,
    ],
  ])('%s', (_, source, message) => {
    expect(quick(source)).toMatch(message);
  });

  it('includes of themselves', () => {
    const readFile: ReadFile = (path) => ({ path, text: '%include "again.inc"\n' });
    expect(quick('%include "again.inc"\n', readFile)).toMatch(/limit: includes are nested/);
  });
});
