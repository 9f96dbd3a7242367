/**
 * The decoder: bytes to a record, by the decode table that the host wrote (src/isa/decode-table.ts tells
 * its format). SDM 2A chapter 2 (prefixes, REX, ModRM, SIB, VEX) in the modes that CODE_MODE names.
 */

import { HANDLER_END, HANDLER_GUARD, HANDLER_UNDEFINED } from '../gen/handlers';
import { Why } from '../gen/why';
import {
  CODE_MODE,
  DECODE_ENTRIES,
  DECODE_HANDLERS,
  DECODE_INDEX,
  DECODE_SHAPES,
  FEATURES,
  REG_PAGE,
  REG_ZERO,
} from '../layout';
import { SEGMENT_CS, SEGMENT_DS, SEGMENT_FS, SEGMENT_SS } from '../mmu/memory';
import { CODE_CONFINED, CODE_SEGMENTED, CODE_SIZE } from './mode';
import {
  REC_ABSOLUTE,
  REC_ADDRESS16,
  REC_ADDRESS32,
  REC_LOCK,
  REC_MEMORY,
  REC_OPERAND16,
  REC_RIP,
  REC_SEGMENTED,
  RECORD,
} from './record';

/** DECODE_HANDLERS bits: it ends its block; 9:8 log2 of the operand size that the row names, or 0. */
const HANDLER_ENDS: u32 = 1;

/** Flags of a table entry. */
const DEFAULT64: u32 = 1;
const FORCE64: u32 = 2;
const LOCK_ALLOWED: u32 = 4;
const NO_REX_B: u32 = 32;
const VEX_W0: u32 = 64;
const VEX_W1: u32 = 128;

/** ModRM conditions of a table entry. */
const MEMORY_ONLY: u32 = 2;
const REGISTER_ONLY: u32 = 3;
const REGISTER_ALWAYS: u32 = 4;

/** Bits of an opcode's shape: ModRM follows; an immediate of the operand size; 2:0 further bytes. */
const SHAPE_MODRM: u32 = 0x80;
const SHAPE_SIZED: u32 = 0x40;
const SHAPE_BYTES: u32 = 7;

/** Operand kinds of a table entry. */
const GPR: u32 = 1;
const SREG: u32 = 7;
const CR: u32 = 8;
const DR: u32 = 9;
const ONE: u32 = 10;
/** Control registers that exist: CR0, CR2, CR3, CR4, CR8. */
const CONTROL_REGISTERS: u32 = 0x11d;

/** Base registers of the 16-bit forms, four bits each from ModRM.rm 0 on: bx bx bp bp si di bp bx. */
const BASES16: u32 = 0x35765533;

const MAX_LENGTH: u32 = 15;
const NO_SEGMENT: u32 = 0xff;
const NO_MAP: u32 = 0xff;

// What the prefixes said, and where the decoder stands. State of one decode only.
let source: usize = 0;
let end: usize = 0;
let cursor: usize = 0;
let short: bool = false;
let operand16: bool = false;
let addressToggle: bool = false;
let lock: bool = false;
let repeat: u32 = 0;
let segmentPrefix: u32 = 0;
let rex: u32 = 0;
let hasRex: bool = false;
let vex: bool = false;
let vexL: u32 = 0;
let vvvv: u32 = 0;
let vexRegister: u32 = 0;
let modrm: u32 = 0;
let map: u32 = 0;

export class Decoder {
  /**
   * Decodes one instruction from the bytes at `at`, of which `available` may be read, into the record at
   * `i`; `offset` is its place in the page. Returns its length, or 0 if it does not end within the bytes.
   * Bytes that are no instruction give a record that raises what the processor raises.
   */
  static decode(at: usize, available: u32, offset: u32, i: usize): u32 {
    memory.fill(i, 0, RECORD);
    source = at;
    cursor = at;
    end = at + min<u32>(available, MAX_LENGTH);
    short = false;
    const why = Decoder.instruction(offset, i);
    if (short) {
      if (available < MAX_LENGTH) return 0;
      return Decoder.undefined(i, offset, Why.TooLong);
    }
    if (why != Why.None) return Decoder.undefined(i, offset, why);
    const length = <u32>(cursor - source);
    store<u8>(i, <u8>length, 2);
    return length;
  }

  /** Memory accesses that the record makes. */
  static accesses(i: usize): u32 {
    if (load<u16>(i) == HANDLER_UNDEFINED) return 0;
    const place = DECODE_HANDLERS + (load<u16>(i, 30) << 3);
    return load<u8>(i, 3) & REC_MEMORY ? load<u8>(place, 5) : load<u8>(place, 4);
  }

  /** The record ends its block. */
  static ends(i: usize): bool {
    if (load<u16>(i) == HANDLER_UNDEFINED) return true;
    return (load<u16>(DECODE_HANDLERS + (load<u16>(i, 30) << 3), 6) & HANDLER_ENDS) != 0;
  }

  /** Writes at `i` the record that leaves a block for the instruction at `offset` of the page. */
  static end(i: usize, offset: u32): usize {
    memory.fill(i, 0, RECORD);
    store<u16>(i, HANDLER_END);
    store<u64>(i, offset, 16);
    return i;
  }

  /** The record of what is no instruction. Its length takes in the byte behind, which may have told that. */
  static undefined(i: usize, offset: u32, why: Why): u32 {
    memory.fill(i, 0, RECORD);
    store<u16>(i, HANDLER_UNDEFINED);
    store<u64>(i, why, 16);
    store<u16>(i, <u16>offset, 28);
    const length = min<u32>(<u32>(cursor - source) + 1, <u32>(end - source));
    store<u8>(i, <u8>length, 2);
    return length;
  }

  static instruction(offset: u32, i: usize): Why {
    const mode = load<u32>(CODE_MODE) & CODE_SIZE;
    const opcode = Decoder.opcode(mode);
    if (map == NO_MAP) return Why.Undefined;
    if (short) return Why.None;
    const index = DECODE_INDEX + (((map << 8) + opcode) << 1);
    const last: u32 = load<u16>(index, 2);
    for (let n: u32 = load<u16>(index); n < last; n++) {
      const entry = DECODE_ENTRIES + (n << 5);
      if (!Decoder.matches(entry, mode)) {
        if (short) return Why.None;
        continue;
      }
      return Decoder.fill(entry, n, mode, opcode, offset, i);
    }
    Decoder.skip(load<u8>(DECODE_SHAPES + ((map & 3) << 8) + opcode), mode, i);
    return Why.Undefined;
  }

  /** Reads the prefixes and the opcode; its map stands in `map`, NO_MAP where there is none. */
  static opcode(mode: u32): u32 {
    const first = Decoder.prefixes(mode);
    map = 0;
    if ((first == 0xc4 || first == 0xc5) && (mode == 0 || Decoder.peek() >= 0xc0)) {
      map = lock || operand16 || repeat != 0 || hasRex ? NO_MAP : Decoder.vexPrefix(first);
      return map == NO_MAP ? first : Decoder.byte();
    }
    if (first != 0x0f) return first;
    map = 1;
    const second = Decoder.byte();
    if (second != 0x38 && second != 0x3a) return second;
    map = second == 0x38 ? 2 : 3;
    return Decoder.byte();
  }

  /** Reads what an opcode of this shape has behind it, though it is no instruction. */
  static skip(shape: u32, mode: u32, i: usize): void {
    if (shape & SHAPE_MODRM) {
      modrm = Decoder.byte();
      if (modrm < 0xc0) Decoder.memoryOperand(i, Decoder.addressSize(mode));
    }
    const sized: u32 = Decoder.operandSize(0, mode) == 1 ? 2 : 4;
    Decoder.number((shape & SHAPE_BYTES) + (shape & SHAPE_SIZED ? sized : 0));
  }

  /** Reads the prefixes; gives the byte behind them. */
  static prefixes(mode: u32): u32 {
    operand16 = false;
    addressToggle = false;
    lock = false;
    repeat = 0;
    segmentPrefix = NO_SEGMENT;
    rex = 0;
    hasRex = false;
    vex = false;
    vexL = 0;
    vvvv = 0;
    while (true) {
      const byte = Decoder.byte();
      if (short) return 0;
      if (mode == 0 && (byte & 0xf0) == 0x40) {
        rex = byte;
        hasRex = true;
        continue;
      }
      if (!Decoder.legacyPrefix(byte)) return byte;
      rex = 0; // a REX that is not the last prefix counts for nothing
      hasRex = false;
    }
  }

  static legacyPrefix(byte: u32): bool {
    if (byte == 0x66) operand16 = true;
    else if (byte == 0x67) addressToggle = true;
    else if (byte == 0xf0) lock = true;
    else if (byte == 0xf3) repeat = 1;
    else if (byte == 0xf2) repeat = 2;
    else if (byte == 0x64 || byte == 0x65) segmentPrefix = byte - 0x64 + SEGMENT_FS;
    else if ((byte & 0xe7) == 0x26) {
      // In 64-bit mode these four do nothing: an FS or GS before them stays.
      if (load<u32>(CODE_MODE) != 0) segmentPrefix = (byte >> 3) & 3;
    } else return false;
    return true;
  }

  /**
   * Reads a VEX prefix (SDM 2A 2.3.5) behind C4 or C5; gives the map. Of one that is reserved nothing more is
   * read, as by a Xeon 06_55H; an AMD 19_01H reads on to ModRM.
   */
  static vexPrefix(first: u32): u32 {
    const byte = Decoder.byte();
    let map: u32 = 1;
    let last = byte;
    rex = (~byte >> 5) & 4; // R
    if (first == 0xc4) {
      rex = (~byte >> 5) & 7; // R X B
      map = byte & 0x1f;
      if (!short && (map == 0 || map > 3)) return NO_MAP;
      last = Decoder.byte();
      rex |= (last >> 4) & 8; // W
    }
    vvvv = (~last >> 3) & 15;
    vexRegister = vvvv;
    if ((load<u32>(CODE_MODE) & CODE_SIZE) != 0) {
      rex = 0; // W and B are ignored, as is the highest bit of a register in vvvv
      vexRegister &= 7;
    }
    vexL = (last >> 2) & 1;
    const prefix = last & 3;
    operand16 = prefix == 1;
    repeat = prefix == 2 ? 1 : prefix == 3 ? 2 : 0;
    vex = true;
    return map + 4;
  }

  /** The table entry fits the bytes. */
  static matches(entry: usize, mode: u32): bool {
    if (!((load<u8>(entry, 2) >> mode) & 1)) return false;
    const flags: u32 = load<u8>(entry, 8);
    if (vex && !Decoder.vexMatches(flags)) return false;
    const size = Decoder.operandSize(flags, mode);
    if (!((load<u8>(entry, 3) >> (size - 1)) & 1)) return false;
    if (!Decoder.prefixMatches(load<u8>(entry, 4))) return false;
    if ((flags & NO_REX_B) != 0 && (rex & 1) != 0) return false;
    if (!((load<u8>(entry, 10) >> (Decoder.addressSize(mode) - 1)) & 1)) return false;
    const form: u32 = load<u8>(entry, 5);
    if (form == 0) return true;
    const byte = Decoder.peek();
    if (short) return false;
    const isRegister = byte >= 0xc0;
    if (form == MEMORY_ONLY ? isRegister : form == REGISTER_ONLY && !isRegister) return false;
    const reg: u32 = load<u8>(entry, 6);
    if (reg != 0xff && reg != ((byte >> 3) & 7)) return false;
    const rm: u32 = load<u8>(entry, 7);
    return rm == 0xff || rm == (byte & 7);
  }

  static vexMatches(flags: u32): bool {
    if (vexL != 0) return false;
    const w = (rex & 8) != 0;
    return w ? (flags & VEX_W0) == 0 : (flags & VEX_W1) == 0;
  }
  /** VEX.vvvv names an operand, or is not used. */
  static vexNames(entry: usize): bool {
    if (!vex || vvvv == 0) return true;
    for (let n: u32 = 0; n < 4; n++) {
      if (load<u8>(entry + 12 + (n << 2), 1) == 4) return true;
    }
    return false;
  }

  /** log2 of the operand size in bytes: 1, 2, 3. */
  static operandSize(flags: u32, mode: u32): u32 {
    const toggled = operand16 && !vex;
    if (mode == 0) {
      if ((flags & FORCE64) != 0 || (rex & 8) != 0) return 3;
      if (toggled) return 1;
      return flags & DEFAULT64 ? 3 : 2;
    }
    if (vex) return 2;
    return toggled == (mode == 1) ? 1 : 2;
  }

  /** Prefix condition of an entry: 0 any, 1 none of 66 F2 F3, 2 66, 3 F3, 4 F2, 5 neither F2 nor F3. */
  static prefixMatches(code: u32): bool {
    if (code == 0) return true;
    if (code == 3) return repeat == 1;
    if (code == 4) return repeat == 2;
    if (repeat != 0) return false;
    return code == 5 || operand16 == (code == 2);
  }

  /** log2 of the address size in bytes. */
  static addressSize(mode: u32): u32 {
    if (mode == 0) return addressToggle ? 2 : 3;
    return addressToggle == (mode == 1) ? 1 : 2;
  }

  /** Writes the record for an entry that fits. */
  static fill(entry: usize, number: u32, mode: u32, opcode: u32, offset: u32, i: usize): Why {
    const handlers = DECODE_HANDLERS + (number << 3);
    const named = (<u32>load<u16>(handlers, 6) >> 8) & 3;
    const size = named != 0 ? named : Decoder.operandSize(load<u8>(entry, 8), mode);
    const address = Decoder.addressSize(mode);
    Decoder.begin(i, mode, address);
    store<u16>(i, <u16>(offset | (size << 12) | (repeat << 14)), 28);
    store<u16>(i, <u16>number, 30);
    const form: u32 = load<u8>(entry, 5);
    if (form != 0) {
      modrm = Decoder.byte();
      if (form == REGISTER_ALWAYS) modrm |= 0xc0;
      if (modrm < 0xc0) Decoder.memoryOperand(i, address);
    }
    Decoder.immediate(load<u8>(entry, 9), address, i);
    if (short) return Why.None;
    const isMemory = (load<u8>(i, 3) & REC_MEMORY) != 0;
    const why = Decoder.refusal(entry, isMemory);
    if (why != Why.None) return why;
    Decoder.finishAddress(i, offset);
    for (let n: u32 = 0; n < 3; n++) {
      if (!Decoder.operand(entry + 12 + (n << 2), opcode, i, n)) return Why.Undefined;
    }
    const guarded = (load<u8>(entry, 28) | load<u8>(entry, 31)) != 0; // privilege, VM-exit reason
    const handler = isMemory ? load<u16>(handlers, 2) : load<u16>(handlers);
    store<u16>(i, guarded ? HANDLER_GUARD : handler);
    return Why.None;
  }

  /** The parts of a record that the prefixes and the mode settle, and a memory operand that is none yet. */
  static begin(i: usize, mode: u32, address: u32): void {
    let bits: u32 = address == 2 && mode == 0 ? REC_ADDRESS32 : 0;
    if (mode != 0) bits |= address == 1 ? REC_ADDRESS16 : REC_ADDRESS32;
    if (lock) bits |= REC_LOCK;
    if (operand16) bits |= REC_OPERAND16;
    store<u8>(i, <u8>bits, 3);
    store<u8>(i, REG_ZERO, 12);
    store<u8>(i, REG_ZERO, 13);
    store<u8>(i, SEGMENT_DS, 15);
  }

  /** Why an instruction that is all there is none, or Why.None. */
  static refusal(entry: usize, isMemory: bool): Why {
    const takesLock = isMemory && (load<u8>(entry, 8) & LOCK_ALLOWED) != 0;
    if (lock && !takesLock) return Why.LockMisused;
    if (!Decoder.vexNames(entry)) return Why.Undefined;
    const feature: u32 = load<u8>(entry, 29);
    const isThere = feature == 0 || ((load<u64>(FEATURES) >> feature) & 1) != 0;
    return isThere ? Why.None : Why.FeatureAbsent;
  }

  /** Settles the segment and what is left of a RIP-relative address, when the length is known. */
  static finishAddress(i: usize, offset: u32): void {
    if (segmentPrefix != NO_SEGMENT) store<u8>(i, <u8>segmentPrefix, 15);
    let bits: u32 = load<u8>(i, 3);
    if (Decoder.isSegmented(load<u8>(i, 15))) bits |= REC_SEGMENTED;
    if (bits & REC_RIP) bits = Decoder.absorb(i, bits, offset + <u32>(cursor - source));
    store<u8>(i, <u8>bits, 3);
  }

  /**
   * The segment has a base or a limit to apply. Outside 64-bit mode every record is marked where the stack,
   * the data segments or the code are not flat, for near branches and stack instructions to see.
   */
  @inline static isSegmented(segment: u32): bool {
    const mode = load<u32>(CODE_MODE);
    if (mode & (CODE_SEGMENTED | CODE_CONFINED)) return true;
    return segment >= SEGMENT_FS || (mode != 0 && segment == SEGMENT_CS);
  }

  /** RIP-relative: adds the offset of the next instruction to the displacement where it fits. */
  static absorb(i: usize, bits: u32, next: u32): u32 {
    const sum = <i64>load<i32>(i, 8) + <i64>next;
    if (sum != <i64>(<i32>sum) || bits & REC_ADDRESS32) return bits;
    store<i32>(i, <i32>sum, 8);
    return bits & ~REC_RIP;
  }

  /**
   * Register of operand n, as byte offset from REGS (general) or number (segment, control, debug). False if
   * there is no such register.
   */
  static operand(place: usize, opcode: u32, i: usize, n: u32): bool {
    const kind: u32 = load<u8>(place);
    const slot: u32 = load<u8>(place, 1);
    let number: u32;
    if (kind == ONE) {
      store<u64>(i, 1, 16);
      return true;
    }
    if (slot == 1) number = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    else if (slot == 2 && modrm >= 0xc0) number = (modrm & 7) | ((rex & 1) << 3);
    else if (slot == 3) number = (opcode & 7) | ((rex & 1) << 3);
    else if (slot == 4) number = vexRegister;
    else if (slot == 0) number = load<u8>(place, 3);
    else return true;
    if (kind == GPR) {
      const high = load<u8>(place, 2) == 0 && number >= 4 && !hasRex && !vex && number < 8;
      number = high ? ((number - 4) << 3) + 1 : number << 3;
    } else if (kind == SREG) {
      number &= 7;
      if (number > 5) return false;
    } else if (kind == CR && !((CONTROL_REGISTERS >> number) & 1)) return false;
    else if (kind == DR && number > 7) return false;
    store<u8>(i + n, <u8>number, 4);
    return true;
  }

  /** ModRM and SIB with their displacement (SDM 2A 2.1.5). */
  static memoryOperand(i: usize, address: u32): void {
    const mod = modrm >> 6;
    const rm = modrm & 7;
    const bits: u32 = load<u8>(i, 3) | REC_MEMORY;
    store<u8>(i, <u8>bits, 3);
    if (address == 1) {
      Decoder.address16(i, mod, rm);
      return;
    }
    let base = rm | ((rex & 1) << 3);
    let noBase = mod == 0 && rm == 5;
    if (rm == 4) {
      const sib = Decoder.byte();
      const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
      if (index != 4) store<u8>(i, <u8>(index << 3), 13);
      store<u8>(i, <u8>(sib >> 6), 14);
      base = (sib & 7) | ((rex & 1) << 3);
      noBase = mod == 0 && (sib & 7) == 5;
    }
    if (!noBase) {
      store<u8>(i, <u8>(base << 3), 12);
      if (base == 4 || base == 5) store<u8>(i, SEGMENT_SS, 15);
    } else if (rm == 5 && load<u32>(CODE_MODE) == 0) {
      store<u8>(i, REG_PAGE, 12);
      store<u8>(i, <u8>(bits | REC_RIP), 3);
    }
    if (mod == 1) store<i32>(i, <i32>(<i8>Decoder.byte()), 8);
    else if (mod == 2 || noBase) store<i32>(i, <i32>Decoder.number(4), 8);
  }

  /** 16-bit addressing forms (SDM 2A table 2-1). */
  static address16(i: usize, mod: u32, rm: u32): void {
    if (rm != 6 || mod != 0) {
      const base = (BASES16 >> (rm << 2)) & 7;
      store<u8>(i, <u8>(base << 3), 12);
      if (base == 5) store<u8>(i, SEGMENT_SS, 15);
    }
    if (rm < 4) store<u8>(i, rm & 1 ? 7 << 3 : 6 << 3, 13);
    if (mod == 1) store<i32>(i, <i32>(<i8>Decoder.byte()), 8);
    else if (mod == 2 || (mod == 0 && rm == 6)) store<i32>(i, <i32>(<i16>Decoder.number(2)), 8);
  }

  /** Immediate by its code in the table (src/isa/decode-table.ts). */
  static immediate(code: u32, address: u32, i: usize): void {
    if (code == 0) return;
    let value: u64;
    if (code == 3) value = Decoder.number(2) | ((<u64>Decoder.byte()) << 16);
    else if (code == 0x30) {
      value = Decoder.number(1 << address);
      // As far as it fits it is the displacement of an address without registers.
      store<i32>(i, <i32>value, 8);
      const absolute = address == 3 ? REC_ABSOLUTE : 0;
      store<u8>(i, <u8>(load<u8>(i, 3) | REC_MEMORY | absolute), 3);
    } else {
      const width = code == 0x42 ? 4 : code == 0x44 ? 6 : code & 15;
      value = Decoder.number(width);
      const extends_ = (code & 0x30) != 0;
      if (extends_) value = <u64>(<i64>(value << (64 - (width << 3))) >> (64 - (width << 3)));
    }
    store<u64>(i, code >= 0x20 && code < 0x30 ? <u64>(<u32>value) : value, 16);
  }

  static peek(): u32 {
    if (cursor >= end) {
      short = true;
      return 0;
    }
    return load<u8>(cursor);
  }

  static byte(): u32 {
    if (cursor >= end) {
      short = true;
      return 0;
    }
    return load<u8>(cursor++);
  }

  /** Little-endian number of `width` bytes. */
  static number(width: u32): u64 {
    let value: u64 = 0;
    for (let n: u32 = 0; n < width; n++) value |= (<u64>Decoder.byte()) << (n << 3);
    return value;
  }
}
