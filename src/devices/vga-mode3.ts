/**
 * Registers of a VGA in mode 3, 80 by 25 characters in 16 colours, as its BIOS sets them (IBM PS/2 Hardware
 * Interface Technical Reference, Video Subsystem, Register values of the BIOS modes).
 */

const hex = (text: string): readonly number[] =>
  text.split(' ').map((byte) => Number.parseInt(byte, 16));

export const MODE3_MISC = 0x67;
export const MODE3_SEQUENCER = hex('03 00 03 00 02');
export const MODE3_CRTC = hex(
  '5f 4f 50 82 55 81 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 28 1f 96 b9 a3 ff',
);
export const MODE3_GRAPHICS = hex('00 00 00 00 00 10 0e 0f ff');
export const MODE3_ATTRIBUTE = hex(
  '00 01 02 03 04 05 14 07 38 39 3a 3b 3c 3d 3e 3f 0c 00 0f 08 00',
);

/** palette[768]: red, green and blue of the 64 colours of an EGA, 6 bits each; the rest is black. */
export const MODE3_PALETTE: readonly number[] = Array.from({ length: 256 }, (_, n) => n).flatMap(
  (n) => [part(n, 2), part(n, 1), part(n, 0)],
);

/** Bit 0, 1 or 2 of an EGA colour is two thirds of blue, green or red, the bit 3 above it one third. */
function part(colour: number, bit: number): number {
  if (colour >= 64) return 0;
  return ((colour >> bit) & 1) * 42 + ((colour >> (bit + 3)) & 1) * 21;
}
