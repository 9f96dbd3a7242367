/** The text of instructions, from ndisasm: what a reader sees, independent of this project's formatter. */

import { execFileSync } from 'node:child_process';
import { RIP } from './draft.ts';

const SLOT = 16;

/** Text of each instruction, as if it stood at the default RIP. */
export function disassemble(codes: readonly string[]): Map<string, string> {
  const image = Buffer.alloc(codes.length * SLOT, 0x90);
  codes.forEach((code, i) => image.set(Buffer.from(code, 'hex').subarray(0, SLOT), i * SLOT));
  const output = execFileSync('ndisasm', ['-b64', '-'], { input: image, maxBuffer: 1 << 30 }).toString();
  const first = new Map<number, string>();
  for (const line of output.split('\n')) {
    const match = /^([0-9A-F]+)\s+[0-9A-F]+\s+(.*)$/.exec(line);
    if (match) first.set(Number.parseInt(match[1]!, 16), match[2]!);
  }
  return new Map(
    codes.map((code, i) => {
      const text = first.get(i * SLOT) ?? 'db';
      return [code, text.startsWith('db') ? dataText(code) : relocate(text, i * SLOT)];
    }),
  );
}

/** What ndisasm does not know: the bytes. */
function dataText(code: string): string {
  return `db ${code.match(/../g)!.map((byte) => `0x${byte}`).join(',')}`;
}

/** Branch targets and RIP-relative operands move with the instruction. */
function relocate(text: string, at: number): string {
  const move = (_: string, before: string, target: string) => {
    const moved = BigInt.asUintN(64, BigInt(target) - BigInt(at) + RIP);
    return `${before}0x${moved.toString(16)}`;
  };
  return text
    .replace(/(\[(?:[a-z]+:)?rel )(0x[0-9a-f]+)/, move)
    .replace(/^((?:[a-z0-9]+ )*(?:j\w+|call|loop\w*) (?:\w+ )?)(0x[0-9a-f]+)(?=,[er]cx$|$)/, move);
}
