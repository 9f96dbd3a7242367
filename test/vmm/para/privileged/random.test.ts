/** Whatever the code and the registers are, nothing throws, and what is not emulated changes nothing. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomSource } from '../../../../src/isa/random.ts';
import type { Outcome } from '../../../../src/vmm/para/privileged/outcome.ts';
import { CODE, DATA, StoppedGuest, stateOf } from './rig.ts';

const PREFIXES = [0x26, 0x2e, 0x36, 0x64, 0x65, 0x66, 0x67, 0xf2, 0xf3, 0x48, 0x4f];
const OPCODES = [
  [0x6c], [0x6d], [0x6e], [0x6f], [0xe4], [0xe5], [0xe6], [0xe7], [0xec], [0xed], [0xee], [0xef],
  [0xcc], [0xcd], [0xfa], [0xfb], [0xf4], [0x0f, 0x01], [0x0f, 0x06], [0x0f, 0x08], [0x0f, 0x09],
  [0x0f, 0x20], [0x0f, 0x21], [0x0f, 0x22], [0x0f, 0x23], [0x0f, 0x30], [0x0f, 0x31], [0x0f, 0x32],
  [0x0f, 0x33], [0x0f, 0xa2], [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2], [0x0f, 0x0b, 0x78],
] as const; // biome-ignore format: opcodes
const MSRS = [0x10, 0x1a0, 0x140, 0xc1, 0x4000_0000, 0xc000_0080, 0xc000_0100, 0xc000_0103, 0x17a];

function randomGuest(random: (below: number) => number): StoppedGuest {
  const guest = new StoppedGuest(new Uint8Array(0), random(2) === 0 ? 32 : 64);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
  const word = (): bigint => (BigInt(random(2 ** 32)) << 32n) | BigInt(random(2 ** 32));
  const prefixes = Array.from({ length: random(4) }, () => pick(PREFIXES));
  const rest = Array.from({ length: 8 }, () => random(256));
  const bytes = [...prefixes, ...pick<readonly number[]>(OPCODES), ...rest];
  const place = pick([0, 4090, 4095]);
  guest.pages.get(CODE / 4096n)!.set(bytes.slice(0, 4096 - place), place);
  guest.rip = CODE + BigInt(place);
  for (let n = 0; n < 16; n++) {
    guest.gpr[n] = pick([word(), DATA + 4095n, BigInt(random(70_000)), BigInt(pick(MSRS)), -1n]);
  }
  guest.isKernel = random(3) !== 0;
  guest.iopl = random(4);
  guest.rflags = BigInt(random(2 ** 22));
  guest.hasCpuidFaulting = random(4) === 0;
  guest.rootResult = pick(['done', 'again', 'refused']);
  guest.segments.set('es', {
    selector: 0,
    base: word(),
    limit: random(2 ** 32),
    access: random(2 ** 17),
  });
  guest.traps.set(0x80, word(), random(8));
  return guest;
}

function check(guest: StoppedGuest, raise: () => Outcome): Outcome['kind'] {
  const before = stateOf(guest);
  const outcome = raise();
  if (outcome.kind === 'not-emulated') expect(stateOf(guest)).toEqual(before);
  else expect(outcome.retired).toBeLessThanOrEqual(1024);
  return outcome.kind;
}

test('random instructions', () => {
  const seen = new Set<string>();
  const property = fc.property(fc.nat(), (seed) => {
    const random = randomSource(seed);
    const guest = randomGuest(random);
    const error = random(4) === 0 ? random(2 ** 11) : 0;
    seen.add(check(guest, () => guest.gp(error)));
    seen.add(check(guest, () => guest.ud()));
  });
  fc.assert(property, { numRuns: 2000 });
  expect(seen.size).toBe(3);
});
