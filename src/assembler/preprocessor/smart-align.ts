/**
 * The package smartalign (NASM manual 6.2): `align` fills with few long instructions that do nothing, and
 * jumps over what is longer than a threshold; `alignmode` chooses for which processors.
 */

type CodeSize = 16 | 32 | 64;

interface Mode {
  /** Padding of more bytes is jumped over. */
  readonly threshold: number;
  /** Code of one byte, of two bytes, and so on, in hex. */
  readonly codes: Readonly<Record<CodeSize, readonly string[]>>;
}

const words = (text: string): readonly string[] => text.split(' ');

const PLAIN = ['90'];
const PREFIXED = words('90 6690 666690 66666690');
/** Moves and address calculations that leave the registers as they are. */
const GENERIC_16 = words(
  '90 89f6 8d7400 8db40000 8db4000090 8db4000089ff 8db400008d7d00 8db400008dbd0000',
);
const GENERIC_32 = words('90 89f6 8d7600 8d742600 908d742600 8db600000000 8db42600000000');
const K7_32 = words('90 8bc0 8d0420 8d442000 8d44200090 8d8000000000 8d040500000000');
/** The nop that has an address. */
const LONG_16 = words('90 6690 0f1f00 0f1f4000');
const LONG = words(
  '90 6690 0f1f00 0f1f4000 0f1f440000 660f1f440000 0f1f8000000000 0f1f840000000000',
);

const MODES: Readonly<Record<string, Mode>> = {
  nop: { threshold: 16, codes: { 16: PLAIN, 32: PLAIN, 64: PLAIN } },
  generic: { threshold: 8, codes: { 16: GENERIC_16, 32: GENERIC_32, 64: PREFIXED } },
  k8: { threshold: 16, codes: { 16: PREFIXED, 32: PREFIXED, 64: PREFIXED } },
  k7: { threshold: 16, codes: { 16: PREFIXED, 32: K7_32, 64: PREFIXED } },
  p6: { threshold: 16, codes: { 16: LONG_16, 32: LONG, 64: LONG } },
};

const THRESHOLD = '__?ALIGN_JMP_THRESHOLD?__';

const asData = (hex: string): string => hex.replace(/../g, '0x$&,').slice(0, -1);

/** Defines the codes of a mode, and the length of the longest one. */
function modeLines({ threshold, codes }: Mode): string[] {
  const lines = [`%define ${THRESHOLD} ${threshold}`];
  for (const bits of [16, 32, 64] as const) {
    const texts = codes[bits];
    lines.push(`%define __?ALIGN_${bits}BIT_GROUP?__ ${texts.length}`);
    texts.forEach((hex, i) => {
      lines.push(`%define __?ALIGN_${bits}BIT_${i + 1}B?__ ${asData(hex)}`);
    });
  }
  return lines;
}

function alignMode(): string[] {
  const branches = Object.entries(MODES).flatMap(([name, mode], i) => [
    `%${i === 0 ? 'if' : 'elif'}idni %1,${name}`,
    ...modeLines(mode),
  ]);
  return [
    '%imacro alignmode 1-2.nolist',
    ...branches,
    '%else',
    '%error unknown alignment mode: %1',
    '%endif',
    '%ifidni %2,nojmp',
    `%define ${THRESHOLD} -1`,
    '%elifnempty %2',
    `%xdefine ${THRESHOLD} %2`,
    '%endif',
    `%xdefine __?ALIGNMODE?__ %1,${THRESHOLD}`,
    '%defalias __ALIGNMODE__ __?ALIGNMODE?__',
    '%endmacro',
  ];
}

const PADDING = '(((%1) - (($-$$) % (%1))) % (%1))';

const ALIGN = [
  '%imacro align 1-2+.nolist',
  'sectalign %1',
  '%ifnempty %2',
  `times ${PADDING} %2`,
  '%else',
  '%push',
  `%assign %$pad ${PADDING}`,
  `%if ${THRESHOLD} != -1 && %$pad > ${THRESHOLD}`,
  'jmp %$end',
  `times ${PADDING} nop`,
  '%else',
  '%assign %$group __?ALIGN_%[__BITS__]BIT_GROUP?__',
  'times %$pad / %$group db __?ALIGN_%[__BITS__]BIT_%[%$group]B?__',
  '%assign %$pad %$pad % %$group',
  '%if %$pad',
  'db __?ALIGN_%[__BITS__]BIT_%[%$pad]B?__',
  '%endif',
  '%endif',
  '%$end:',
  '%pop',
  '%endif',
  '%endmacro',
];

/** The package as a source. */
export function alignment(): string {
  return [...alignMode(), ...ALIGN, 'alignmode generic'].join('\n');
}
