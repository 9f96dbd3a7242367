/**
 * Legacy prefixes, REX, VEX, escape bytes and the opcode byte (SDM 2A 2.1.1, 2.2.1, 2.3).
 */

import { type Decoding, MAX_LENGTH, REX_B, REX_R, REX_W, REX_X } from './decoding.ts';

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
const FS = 4;

/** Reads legacy prefixes and REX. */
export function readPrefixes(decoding: Decoding): void {
  const { cursor, mode } = decoding;
  for (;;) {
    const byte = cursor.peek();
    const isRex = mode === 64 && (byte & 0xf0) === 0x40;
    if (!isRex && !readLegacyPrefix(decoding, byte)) return;
    decoding.rex = isRex ? byte : 0;
    cursor.at++;
    if (cursor.length > MAX_LENGTH || cursor.overrun) return;
  }
}

function readLegacyPrefix(decoding: Decoding, byte: number): boolean {
  if (byte === 0x66) decoding.operandPrefix = true;
  else if (byte === 0x67) decoding.addressPrefix = true;
  else if (byte === 0xf0) decoding.lock = true;
  else if (byte === 0xf2) decoding.repeat = 'F2';
  else if (byte === 0xf3) decoding.repeat = 'F3';
  else {
    const segment = SEGMENT_PREFIXES.indexOf(byte);
    if (segment < 0) return false;
    if (decoding.mode !== 64 || segment >= FS) decoding.segment = segment;
    else decoding.idleSegment = segment;
  }
  return true;
}

/** Reads VEX or lead bytes and the opcode; false if a VEX prefix is not allowed or its map not known. */
export function readOpcode(decoding: Decoding): boolean {
  const { cursor, mode } = decoding;
  const byte = cursor.u8();
  const next = cursor.peek();
  if ((byte & 0xfe) === 0xc4 && (mode === 64 || next >= 0xc0)) return readVex(decoding, byte);
  decoding.opcode = byte;
  if (byte !== 0x0f) return true;
  decoding.map = 1;
  if (next === 0x38 || next === 0x3a) {
    decoding.map = next === 0x38 ? 2 : 3;
    cursor.at++;
  }
  decoding.opcode = cursor.u8();
  return true;
}

const VEX_MAP = 4;

/**
 * VEX C4 RXBmmmmm WvvvvLpp or C5 RvvvvLpp; R, X, B and vvvv are inverted. Outside 64-bit mode W and B are
 * ignored, as is the highest bit of vvvv where it names a register.
 */
function readVex(decoding: Decoding, lead: number): boolean {
  const { cursor, mode, operandPrefix, repeat, lock, rex } = decoding;
  if (operandPrefix || repeat !== undefined || lock || rex !== 0) return false;
  const first = cursor.u8();
  const isLong = lead === 0xc4;
  const map = isLong ? first & 31 : 1;
  if (!cursor.overrun && (map === 0 || map > 3)) return false;
  const last = isLong ? cursor.u8() : first;
  const inverted = ~first >> 5;
  const wide = isLong ? ((last >> 4) & REX_W) | (inverted & (REX_X | REX_B)) : 0;
  decoding.rex = mode === 64 ? wide | (inverted & REX_R) : 0;
  decoding.vvvv = (~last >> 3) & 15;
  decoding.map = VEX_MAP + map;
  decoding.vex = true;
  const pp = last & 3;
  decoding.operandPrefix = pp === 1;
  decoding.repeat = pp === 2 ? 'F3' : pp === 3 ? 'F2' : undefined;
  decoding.vexL = (last & 4) !== 0;
  decoding.opcode = cursor.u8();
  return true;
}
