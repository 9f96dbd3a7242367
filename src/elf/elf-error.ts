/** What is wrong with an ELF file, and where. */
export class ElfError extends Error {
  override readonly name = 'ElfError';
  readonly code:
    | 'MAGIC'
    | 'IDENT'
    | 'MACHINE'
    | 'TABLE'
    | 'TRUNCATED'
    | 'SEGMENT'
    | 'SECTION'
    | 'SYMBOL'
    | 'NOTE';
  /** Place in the file. */
  readonly offset: number;

  constructor(code: ElfError['code'], offset: bigint | number, what: string) {
    super(`at offset ${hex(offset)}: ${what}`);
    this.code = code;
    this.offset = Number(offset);
  }
}

/** A number as messages show it. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
