/** CRC32 (SDM 2A): the Castagnoli polynomial 11EDC6F41H, bits reflected, without inversion at the ends. */

import { Event } from '../cpu/event';
import { Operand } from '../cpu/operand';

const POLYNOMIAL: u32 = 0x82f63b78;

export function crc32(i: usize): void {
  let rest = Operand.read(i, 1);
  if (Event.raised()) return;
  let crc = <u32>Operand.read(i, 0);
  for (let n = Operand.width(i, 1); n != 0; n--) {
    crc = addByte(crc ^ <u8>rest);
    rest >>= 8;
  }
  Operand.write(i, 0, crc);
}

/** Divides the lowest byte out. */
function addByte(crc: u32): u32 {
  for (let n = 0; n < 8; n++) crc = (crc >> 1) ^ (POLYNOMIAL & -(crc & 1));
  return crc;
}
