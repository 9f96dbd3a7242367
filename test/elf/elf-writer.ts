/** Small ELF files for tests, written field by field with the layouts that the reader reads with. */

import {
  type ElfBits,
  FILE_HEADER,
  PROGRAM_HEADER,
  recordBytes,
  SECTION_HEADER,
  SYMBOL,
} from '../../src/elf/records.ts';

type Values<T> = Partial<Record<keyof T, number | bigint>>;

const IDENT_BYTES = 16;

/** One record; fields that are not given are 0. */
export function record<L extends Readonly<Record<ElfBits, Readonly<Record<string, number>>>>>(
  layout: L,
  bits: ElfBits,
  values: Values<L[64]>,
): number[] {
  return Object.entries(layout[bits]).flatMap(([name, size]) => {
    const value = BigInt(values[name as keyof L[64]] ?? 0);
    return Array.from({ length: size }, (_, n) => Number((value >> BigInt(8 * n)) & 0xffn));
  });
}

/** A string table and the offsets of its strings. */
export function strings(names: readonly string[]): { bytes: number[]; at: number[] } {
  const bytes = [0];
  const at = names.map((name) => {
    const place = bytes.length;
    bytes.push(...new TextEncoder().encode(name), 0);
    return place;
  });
  return { bytes, at };
}

export interface WrittenSection extends Values<(typeof SECTION_HEADER)[64]> {
  readonly bytes: ArrayLike<number>;
}

export interface WrittenElf {
  readonly bits?: ElfBits;
  readonly type?: number;
  readonly machine?: number;
  readonly entry?: number | bigint;
  /** `offset` and `filesz` follow from `bytes` unless they are given. */
  readonly segments?: readonly (Values<(typeof PROGRAM_HEADER)[64]> & {
    readonly bytes?: ArrayLike<number>;
  })[];
  /** Behind the null section. */
  readonly sections?: readonly WrittenSection[];
  readonly shstrndx?: number;
}

/** Header, program headers, contents of segments and of sections, section headers. */
export function writeElf({
  bits = 32,
  type = 2,
  machine = bits === 32 ? 3 : 62,
  entry = 0,
  segments = [],
  sections = [],
  shstrndx = 0,
}: WrittenElf): Uint8Array {
  const headerBytes = IDENT_BYTES + recordBytes(FILE_HEADER, bits);
  const phentsize = recordBytes(PROGRAM_HEADER, bits);
  const shentsize = recordBytes(SECTION_HEADER, bits);
  const body: ArrayLike<number>[] = [];
  let bodyBytes = 0;
  const bodyAt = headerBytes + segments.length * phentsize;
  const put = (bytes: ArrayLike<number>): number => {
    const at = bodyAt + bodyBytes;
    body.push(bytes);
    bodyBytes += Math.ceil(bytes.length / 8) * 8;
    return at;
  };
  const program = segments.flatMap(({ bytes = [], ...values }) =>
    record(PROGRAM_HEADER, bits, { offset: put(bytes), filesz: bytes.length, ...values }),
  );
  const table = sections.map(({ bytes, ...values }) => ({
    offset: put(bytes),
    size: bytes.length,
    ...values,
  }));
  const shoff = sections.length === 0 ? 0 : bodyAt + bodyBytes;
  const headers = sections.length === 0 ? [] : [{}, ...table];
  const header = record(FILE_HEADER, bits, {
    type,
    machine,
    version: 1,
    entry,
    phoff: segments.length === 0 ? 0 : headerBytes,
    shoff,
    ehsize: headerBytes,
    phentsize,
    phnum: segments.length,
    shentsize,
    shnum: headers.length,
    shstrndx,
  });
  const ident = [0x7f, 0x45, 0x4c, 0x46, bits / 32, 1, 1, ...Array(9).fill(0)];
  const sectionTable = headers.flatMap((values) => record(SECTION_HEADER, bits, values));
  const file = new Uint8Array(bodyAt + bodyBytes + sectionTable.length);
  file.set([...ident, ...header, ...program]);
  let at = bodyAt;
  for (const bytes of body) {
    file.set(bytes, at);
    at += Math.ceil(bytes.length / 8) * 8;
  }
  file.set(sectionTable, at);
  return file;
}

/** A symbol table's bytes, behind the null symbol. */
export function symbolBytes(
  bits: ElfBits,
  symbols: readonly Values<(typeof SYMBOL)[64]>[],
): number[] {
  return [{}, ...symbols].flatMap((values) => record(SYMBOL, bits, values));
}
