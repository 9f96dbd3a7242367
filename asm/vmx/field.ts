/** Fields of the current VMCS by their encodings (SDM 3C 25.11.2, 3D Appendix B; src/vmx/fields.ts). */

import { FIELD_GROUPS } from '../gen/vmx-fields';

/** Bits of an encoding that must be 0: 12, and all from 15 up. */
const RESERVED: u64 = ~(<u64>0x6fff);
/** Bit 0: the high half of a 64-bit field. */
const HIGH: u32 = 1;

/** Bits 14:13 of an encoding. */
export enum FieldWidth {
  Bits16 = 0,
  Bits64 = 1,
  Bits32 = 2,
  Natural = 3,
}
/** Bits 11:10. */
const READ_ONLY: u32 = 1;

export class Field {
  /** Place in linear memory of the field that `encoding` names, 0 if this processor has none. */
  static place(encoding: u64): usize {
    if (encoding & RESERVED) return 0;
    const bits = <u32>encoding;
    const index = (bits >> 1) & 0x1ff;
    if (index >= 32) return 0;
    if (bits & HIGH && Field.width(bits) != FieldWidth.Bits64) return 0;
    const group = FIELD_GROUPS + ((<usize>((bits >> 11) & 12) | ((bits >> 10) & 3)) << 3);
    const mask = load<u32>(group);
    if (!((mask >> index) & 1)) return 0;
    return load<u32>(group, 4) + (popcnt<u32>(mask & ((1 << index) - 1)) << 3);
  }

  @inline static width(encoding: u32): FieldWidth {
    return (encoding >> 13) & 3;
  }
  @inline static isReadOnly(encoding: u32): bool {
    return ((encoding >> 10) & 3) == READ_ONLY;
  }
  @inline static isHigh(encoding: u32): bool {
    return (encoding & HIGH) != 0;
  }

  /** Value of the field at `place`, or of its high half. */
  static read(encoding: u32, place: usize): u64 {
    return Field.isHigh(encoding) ? <u64>load<u32>(place, 4) : load<u64>(place);
  }
  /** Writes as much of `value` as there is room for. */
  static write(encoding: u32, place: usize, value: u64): void {
    if (Field.isHigh(encoding)) store<u32>(place, <u32>value, 4);
    else store<u64>(place, Field.cut(encoding, value));
  }
  static cut(encoding: u32, value: u64): u64 {
    const width = Field.width(encoding);
    if (width == FieldWidth.Bits16) return <u64>(<u16>value);
    return width == FieldWidth.Bits32 ? <u64>(<u32>value) : value;
  }
}
