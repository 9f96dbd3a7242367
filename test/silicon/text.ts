/** The text of instructions, from ndisasm and so independent of this project's formatter. */

import { execFileSync } from 'node:child_process';
import { type Bits, defaultInput } from '../vectors/format.ts';

const SLOT = 16;
/** A byte of data or a prefix that belongs to nothing. */
const UNKNOWN = /^(db .*|rex\S*|o16|o32|o64|a32|cs|ds|es|ss|fs|gs|lock|rep|repne|wait)$/;

/** Text of each instruction in code of `bits`, as if it stood at the default RIP. */
export function disassemble(codes: readonly string[], bits: Bits): Map<string, string> {
  const image = Buffer.alloc(codes.length * SLOT, 0x90);
  codes.forEach((code, i) => {
    image.set(Buffer.from(code, 'hex').subarray(0, SLOT), i * SLOT);
  });
  const output = execFileSync('ndisasm', [`-b${bits}`, '-'], {
    input: image,
    maxBuffer: 1 << 30,
  }).toString();
  const lines = new Map<number, { bytes: string; text: string }>();
  // Bytes that do not fit stand on a line of their own, behind a dash.
  for (const line of output.replace(/^(\S+ +)(\S+)( .*)\n +-(\S+)$/gm, '$1$2$4$3').split('\n')) {
    const match = /^([0-9A-F]+)\s+([0-9A-F]+)\s+(.*)$/.exec(line);
    if (match) lines.set(Number.parseInt(match[1]!, 16), { bytes: match[2]!, text: match[3]! });
  }
  return new Map(
    codes.map((code, i) => {
      const line = lines.get(i * SLOT);
      const known = line && line.bytes.toLowerCase() === code && !UNKNOWN.test(line.text);
      return [code, known ? relocate(line.text, i * SLOT, bits) : dataText(code)];
    }),
  );
}

/** What ndisasm does not know: the bytes. */
function dataText(code: string): string {
  return `db ${code
    .match(/../g)!
    .map((byte) => `0x${byte}`)
    .join(',')}`;
}

/** Branch targets and RIP-relative operands move with the instruction. */
function relocate(text: string, at: number, bits: Bits): string {
  const rip = defaultInput('', bits).regs.rip!;
  const move = (_: string, before: string, target: string) => {
    const moved = BigInt.asUintN(bits, BigInt(target) - BigInt(at) + rip);
    return `${before}0x${moved.toString(16)}`;
  };
  return text
    .replace(/(\[(?:[a-z]+:)?rel )(0x[0-9a-f]+)/, move)
    .replace(/^((?:[a-z0-9]+ )*(?:j\w+|call|loop\w*) (?:\w+ )?)(0x[0-9a-f]+)(?=,[er]cx$|$)/, move);
}
