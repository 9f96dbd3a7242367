/**
 * The sixteen conditions (SDM 1 Appendix B EFLAGS Condition Codes), in the order of their encoding.
 */

export interface Condition {
  /** Suffix of the uop: `jae`, `cmovae`, `setae`. */
  readonly uop: string;
  /** Suffixes of the mnemonic; the first is the one that is printed. */
  readonly names: readonly string[];
  /** Flags that it reads, as letters. */
  readonly reads: string;
}

// biome-ignore format: one condition per line.
export const CONDITIONS: readonly Condition[] = [
  { uop: 'o',  names: ['o'],                reads: 'o' },
  { uop: 'no', names: ['no'],               reads: 'o' },
  { uop: 'b',  names: ['c', 'b', 'nae'],    reads: 'c' },
  { uop: 'ae', names: ['nc', 'ae', 'nb'],   reads: 'c' },
  { uop: 'e',  names: ['z', 'e'],           reads: 'z' },
  { uop: 'ne', names: ['nz', 'ne'],         reads: 'z' },
  { uop: 'be', names: ['na', 'be'],         reads: 'cz' },
  { uop: 'a',  names: ['a', 'nbe'],         reads: 'cz' },
  { uop: 's',  names: ['s'],                reads: 's' },
  { uop: 'ns', names: ['ns'],               reads: 's' },
  { uop: 'p',  names: ['pe', 'p'],          reads: 'p' },
  { uop: 'np', names: ['po', 'np'],         reads: 'p' },
  { uop: 'l',  names: ['l', 'nge'],         reads: 'os' },
  { uop: 'ge', names: ['nl', 'ge'],         reads: 'os' },
  { uop: 'le', names: ['ng', 'le'],         reads: 'osz' },
  { uop: 'g',  names: ['g', 'nle'],         reads: 'osz' },
];
