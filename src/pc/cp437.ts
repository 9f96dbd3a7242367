/** Code page 437, the character set of a PC's display, as Unicode. */

const LOW = ' ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼';
const HIGH =
  '⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀' +
  'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ';

/** cp437[256]: the character of each code; 0, 0x20 and 0xff are blank. */
export const CP437: readonly string[] = Array.from({ length: 256 }, (_, code) => {
  if (code < 0x20) return LOW[code] ?? ' ';
  return code < 0x7f ? String.fromCharCode(code) : (HIGH[code - 0x7f] ?? ' ');
});
