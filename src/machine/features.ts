/**
 * What a processor has, and what CPUID says of it (SDM 2A CPUID). Names are those of Linux's
 * /proc/cpuinfo. CPUID reports exactly what is there: no x87, no SSE.
 *
 * DIVERGES: the SSE4.2 bit stands for CRC32 alone, the only instruction of that set that uses general registers.
 */

import { FEATURES } from '../isa/decode-table.ts';

interface FeatureBit {
  readonly leaf: number;
  readonly register: 'eax' | 'ebx' | 'ecx' | 'edx';
  readonly bit: number;
}

const at = (leaf: number, register: FeatureBit['register'], bit: number): FeatureBit => ({
  leaf,
  register,
  bit,
});

// biome-ignore format: one feature per line.
const BITS: Readonly<Record<string, FeatureBit>> = {
  monitor:         at(1, 'ecx', 3),
  vmx:             at(1, 'ecx', 5),
  cx16:            at(1, 'ecx', 13),
  pcid:            at(1, 'ecx', 17),
  sse4_2:          at(1, 'ecx', 20),
  movbe:           at(1, 'ecx', 22),
  popcnt:          at(1, 'ecx', 23),
  tsc_deadline_timer: at(1, 'ecx', 24),
  rdrand:          at(1, 'ecx', 30),
  sep:             at(1, 'edx', 11),
  fsgsbase:        at(7, 'ebx', 0),
  bmi1:            at(7, 'ebx', 3),
  smep:            at(7, 'ebx', 7),
  bmi2:            at(7, 'ebx', 8),
  invpcid:         at(7, 'ebx', 10),
  rdseed:          at(7, 'ebx', 18),
  adx:             at(7, 'ebx', 19),
  smap:            at(7, 'ebx', 20),
  clflushopt:      at(7, 'ebx', 23),
  umip:            at(7, 'ecx', 2),
  pku:             at(7, 'ecx', 3),
  abm:             at(0x80000001, 'ecx', 5),
  '3dnowprefetch': at(0x80000001, 'ecx', 8),
  syscall:         at(0x80000001, 'edx', 11),
  rdtscp:          at(0x80000001, 'edx', 27),
};

/** CPUID faulting, of which an MSR tells. */
const CPUID_FAULT = 'cpuid_fault';
const PLATFORM_CPUID_FAULTING = 1n << 31n;

/** Features that can be named in `--machine`. */
export const FEATURE_NAMES: readonly string[] = [...Object.keys(BITS), CPUID_FAULT];

/** A processor from before VT-x, UMIP and CPUID faulting, with all else that exists here. */
export const DEFAULT_FEATURES: ReadonlySet<string> = new Set(
  FEATURE_NAMES.filter((name) => name !== 'vmx' && name !== 'umip' && name !== CPUID_FAULT),
);

/** MSR_PLATFORM_INFO of a processor with `features`, 0 if it has none (SDM 4 2.8, bit 31: CPUID faulting). */
export function platformInfo(features: ReadonlySet<string>): bigint {
  return features.has(CPUID_FAULT) ? PLATFORM_CPUID_FAULTING : 0n;
}

/** Bit mask of asm/layout.ts FEATURES: bit n is entry n of the decode table's feature list. */
export function featureMask(features: ReadonlySet<string>): bigint {
  return FEATURES.reduce(
    (mask, name, n) => (features.has(name) ? mask | (1n << BigInt(n)) : mask),
    0n,
  );
}

/** One row of the CPUID table: leaf, subleaf, eax, ebx, ecx, edx. */
export type CpuidRow = readonly [number, number, number, number, number, number];

export const SIGNATURE = 0x000306c3;
const MAX_BASIC = 0x16;
const MAX_EXTENDED = 0x80000008;
const PHYSICAL_BITS = 40;
const LINEAR_BITS = 48;
const LINE_BYTES = 64;
/** CPUID.6:EAX: the APIC timer runs in every power state. */
const ARAT = 1 << 2;

/** CPUID.1:EDX of a processor with `features`. */
export function featureFlags(features: ReadonlySet<string>): number {
  return cpuidTable(features).find(([leaf]) => leaf === 1)?.[5] ?? 0;
}

/** The CPUID leaves of a processor with `features`, basic ones first, in order. */
export function cpuidTable(features: ReadonlySet<string>): readonly CpuidRow[] {
  const rows: CpuidRow[] = [
    [0, 0, MAX_BASIC, ...vendor()],
    [1, 0, SIGNATURE, 0x00010800, 0x80000000, FEATURE_EDX],
    [2, 0, 0x00feff01, 0, 0, 0],
    ...monitorLine(features),
    [6, 0, ARAT, 0, 0, 0],
    [7, 0, 0, 0, 0, 0],
    [0x15, 0, 1, 1, 1_000_000_000, 0],
    [0x16, 0, 1000, 1000, 100, 0],
    [0x80000000, 0, MAX_EXTENDED, 0, 0, 0],
    [0x80000001, 0, 0, 0, 1, 0x24100000],
    ...brand('Trapline virtual x86-64 processor'),
    [0x80000006, 0, 0, 0, 0x01006040, 0],
    [0x80000007, 0, 0, 0, 0, 0x100],
    [0x80000008, 0, PHYSICAL_BITS | (LINEAR_BITS << 8), 0, 0, 0],
  ];
  return rows.map((row) => withFeatures(row, features));
}

/** Leaf 5: the smallest and the largest line that MONITOR watches are those of CLFLUSH. */
function monitorLine(features: ReadonlySet<string>): readonly CpuidRow[] {
  return features.has('monitor') ? [[5, 0, LINE_BYTES, LINE_BYTES, 0, 0]] : [];
}

/** CPUID.1:EDX of what is always there: de pse tsc msr pae mce cx8 apic mtrr pge mca cmov pat pse36 clflush. */
const FEATURE_EDX =
  (1 << 2) |
  (1 << 3) |
  (1 << 4) |
  (1 << 5) |
  (1 << 6) |
  (1 << 7) |
  (1 << 8) |
  (1 << 9) |
  (1 << 12) |
  (1 << 13) |
  (1 << 14) |
  (1 << 15) |
  (1 << 16) |
  (1 << 17) |
  (1 << 19);

const REGISTERS = { eax: 2, ebx: 3, ecx: 4, edx: 5 } as const;

function withFeatures(row: CpuidRow, features: ReadonlySet<string>): CpuidRow {
  const result: [number, number, number, number, number, number] = [...row];
  for (const name of features) {
    const bit = BITS[name];
    if (bit === undefined || bit.leaf !== row[0]) continue;
    const place = REGISTERS[bit.register];
    result[place] = (result[place] | (1 << bit.bit)) >>> 0;
  }
  return result;
}

/** "GenuineIntel" in EBX, ECX, EDX. */
function vendor(): readonly [number, number, number] {
  return [word('Genu'), word('ntel'), word('ineI')];
}

/** Leaves 80000002H to 80000004H. */
function brand(name: string): CpuidRow[] {
  const text = name.padEnd(48, '\0');
  return [0, 1, 2].map((leaf) => [
    0x80000002 + leaf,
    0,
    word(text.slice(leaf * 16)),
    word(text.slice(leaf * 16 + 4)),
    word(text.slice(leaf * 16 + 8)),
    word(text.slice(leaf * 16 + 12)),
  ]);
}

/** Four characters as a little-endian u32. */
function word(text: string): number {
  return [3, 2, 1, 0].reduce((value, n) => ((value << 8) | text.charCodeAt(n)) >>> 0, 0);
}
