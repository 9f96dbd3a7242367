/** The packages that %use loads (NASM manual 6), as sources; `masm` and `vtern` are left out. */

import { alignment } from './smart-align.ts';

const WIDE = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;
const LOW = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil'] as const;

/** r0 to r7 for the old registers, r8l to r15l for the low bytes of the new ones. */
function alternativeRegisters(): string {
  const lines = WIDE.flatMap((wide, n) => {
    const narrow = wide.slice(1);
    const low = LOW[n] as string;
    const names = [
      [`r${n}`, wide],
      [`r${n}d`, `e${narrow}`],
      [`r${n}w`, narrow],
      [`r${n}b`, low],
      [`r${n}l`, low],
      ...(n < 4 ? [[`r${n}h`, `${low[0]}h`]] : []),
    ];
    return names.map(([alias, register]) => `%idefine ${alias} ${register}`);
  });
  for (let n = 8; n < 16; n++) lines.push(`%idefine r${n}l r${n}b`);
  return lines.join('\n');
}

const FLOAT_FORMATS = [
  'float8',
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'float80m',
  'float80e',
  'float128l',
  'float128h',
];

/** Short names for floating-point formats and special values. */
function floatNames(): string {
  const formats = FLOAT_FORMATS.map((name) => `%define ${name}(x) __?${name}?__(x)`);
  const values = [
    '%define Inf __?Infinity?__',
    '%define NaN __?QNaN?__',
    '%define QNaN __?QNaN?__',
    '%define SNaN __?SNaN?__',
  ];
  return [...formats, ...values].join('\n');
}

/** Integer logarithms. */
function integerFunctions(): string {
  const names = [
    ['ilog2', 'ilog2e'],
    ['ilog2e', 'ilog2e'],
    ['ilog2w', 'ilog2w'],
    ['ilog2f', 'ilog2f'],
    ['ilog2c', 'ilog2c'],
  ];
  return names.map(([name, of]) => `%idefine ${name}(x) (__?${of}?__(x))`).join('\n');
}

const PACKAGES: ReadonlyMap<string, () => string> = new Map([
  ['altreg', alternativeRegisters],
  ['fp', floatNames],
  ['ifunc', integerFunctions],
  ['smartalign', alignment],
]);

export function isPackage(name: string): boolean {
  return PACKAGES.has(name.toLowerCase());
}

/** Text of a package that there is. */
export function packageText(name: string): string {
  return PACKAGES.get(name)?.() ?? '';
}
