/**
 * An ELF file for x86: its header and program headers (System V ABI, Object Files and Program Loading).
 * All that is read has been checked to lie within the file, so what follows may index freely; sections and
 * symbols have files of their own, because a kernel boots without them.
 */

import {
  EI_CLASS,
  EI_DATA,
  EI_VERSION,
  ELF_MAGIC,
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  EM_386,
  EM_X86_64,
  EV_CURRENT,
  PT_LOAD,
  PT_NOTE,
} from './constants.ts';
import { ElfError, hex } from './elf-error.ts';
import {
  type ElfBits,
  type ElfRecord,
  FILE_HEADER,
  PROGRAM_HEADER,
  readRecord,
  recordBytes,
} from './records.ts';

const IDENT_BYTES = 16;
/** A table with more records than this is refused: they take a hundred times their size in memory. */
const MAX_RECORDS = 2 ** 20;

/** A PT_LOAD or PT_NOTE program header with its bytes. */
export interface ElfSegment {
  readonly type: number;
  readonly flags: number;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  /** In memory; at least as many as there are in the file. */
  readonly memsz: bigint;
  readonly bytes: Uint8Array;
  /** Place of its program header in the file, for messages. */
  readonly headerOffset: number;
}

export interface ElfFile {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Of the file's class: the width of its addresses. */
  readonly bits: ElfBits;
  readonly header: ElfRecord<typeof FILE_HEADER>;
  /** Width of the code: that of the machine, not of the class. */
  readonly codeBits: 32 | 64;
  readonly segments: readonly ElfSegment[];
}

/** True if the bytes are those of an ELF file, whole or not. */
export function isElf(bytes: Uint8Array): boolean {
  return ELF_MAGIC.every((byte, n) => bytes[n] === byte);
}

/** Reads an ELF file; throws an ElfError. */
export function readElf(bytes: Uint8Array): ElfFile {
  const bits = checkIdent(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (IDENT_BYTES + recordBytes(FILE_HEADER, bits) > bytes.length) {
    throw new ElfError('TRUNCATED', bytes.length, `the file ends within its ELF header`);
  }
  const header = readRecord(view, IDENT_BYTES, FILE_HEADER, bits);
  const codeBits = checkMachine(header.machine);
  const segments = readSegments(bytes, view, bits, header);
  return { bytes, view, bits, header, codeBits, segments };
}

function checkIdent(bytes: Uint8Array): ElfBits {
  if (!isElf(bytes)) throw new ElfError('MAGIC', 0, 'this is no ELF file');
  const wanted = (at: number, what: string): never => {
    throw new ElfError('IDENT', at, `${what}, found ${bytes[at] ?? 'the end of the file'}`);
  };
  const size = bytes[EI_CLASS];
  if (size !== ELFCLASS32 && size !== ELFCLASS64) wanted(EI_CLASS, 'the ELF class must be 1 or 2');
  if (bytes[EI_DATA] !== ELFDATA2LSB) wanted(EI_DATA, 'the byte order must be little endian (1)');
  if (bytes[EI_VERSION] !== EV_CURRENT) wanted(EI_VERSION, 'the ELF version must be 1');
  return size === ELFCLASS32 ? 32 : 64;
}

function checkMachine(machine: bigint): 32 | 64 {
  if (machine === BigInt(EM_386)) return 32;
  if (machine === BigInt(EM_X86_64)) return 64;
  const known = `${EM_386} (i386) and ${EM_X86_64} (x86-64) run here`;
  throw new ElfError(
    'MACHINE',
    IDENT_BYTES + 2,
    `the file is for ELF machine ${machine}; ${known}`,
  );
}

/**
 * Where the records of a table begin. Throws an ElfError unless all lie within the file and are as
 * large as `size` at least.
 */
export function tablePlaces(
  file: Uint8Array,
  what: string,
  table: { offset: bigint; count: number; stride: number; size: number },
): number[] {
  const { offset, count, stride, size } = table;
  if (count === 0) return [];
  if (count > MAX_RECORDS) {
    throw new ElfError('TABLE', offset, `there are more than ${MAX_RECORDS} ${what}s`);
  }
  if (stride < size) {
    const message = `a ${what} of ${stride} bytes is too short, it must have ${size}`;
    throw new ElfError('TABLE', offset, message);
  }
  if (offset + BigInt(count * stride) > BigInt(file.length)) {
    const message = `${count} ${what}s at ${hex(offset)} reach beyond the end of the file (${hex(file.length)})`;
    throw new ElfError('TRUNCATED', file.length, message);
  }
  return Array.from({ length: count }, (_, n) => Number(offset) + n * stride);
}

function readSegments(
  bytes: Uint8Array,
  view: DataView,
  bits: ElfBits,
  header: ElfRecord<typeof FILE_HEADER>,
): ElfSegment[] {
  const places = tablePlaces(bytes, 'program header', {
    offset: header.phoff,
    count: Number(header.phnum),
    stride: Number(header.phentsize),
    size: recordBytes(PROGRAM_HEADER, bits),
  });
  return places.flatMap((headerOffset) => {
    const record = readRecord(view, headerOffset, PROGRAM_HEADER, bits);
    const type = Number(record.type);
    return type === PT_LOAD || type === PT_NOTE ? [readSegment(bytes, headerOffset, record)] : [];
  });
}

function readSegment(
  file: Uint8Array,
  headerOffset: number,
  { type, flags, offset, vaddr, paddr, filesz, memsz }: ElfRecord<typeof PROGRAM_HEADER>,
): ElfSegment {
  if (offset + filesz > BigInt(file.length)) {
    const range = `its ${hex(filesz)} bytes at ${hex(offset)}`;
    const message = `the segment of this program header is cut off: ${range} reach beyond the end of the file (${hex(file.length)})`;
    throw new ElfError('TRUNCATED', headerOffset, message);
  }
  if (type === BigInt(PT_LOAD) && filesz > memsz) {
    const message = `the segment of this program header has ${hex(filesz)} bytes in the file, but ${hex(memsz)} in memory`;
    throw new ElfError('SEGMENT', headerOffset, message);
  }
  const bytes = file.subarray(Number(offset), Number(offset + filesz));
  return { type: Number(type), flags: Number(flags), vaddr, paddr, memsz, bytes, headerOffset };
}
