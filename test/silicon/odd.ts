/**
 * Cases that no row of the table makes: bytes that are no instruction in 64-bit mode, instructions
 * that are too long, and instructions, valid or not, that run into an unmapped page.
 */

import { CODE } from '../vectors/pages.ts';
import { Draft } from './draft.ts';
import { randomFlags } from './operands.ts';
import type { Groups } from './plan.ts';
import { Rng } from './rng.ts';

/** Not valid in 64-bit mode (SDM 2D appendix A Opcode Map), nor taken by later processors. */
const INVALID = `
  06 07 0e 16 17 1e 1f 27 2f 37 3f 60 61 9a0000000000 82c001 ce d40a d50a d6 ea000000000000
  8ec8 8ef0 8ef8 8cf0 8cf8 8dc0 c6c800 c7c800000000 8fc8 fed0 fed8 fee0 fee8 fef0 fef8
  ffd8 ffe8 fff8 0f04 0f0a 0f0c 0f0e 0f24c0 0f25c0 0f26c0 0f27c0 0f36 0f39 0f3b 0f3c 0f3d 0f3e 0f3f
  0fa6c0 0fa7c0 0fb2c0 0fb4c0 0fb5c0 0fbac000 0fbac800 0fbad000 0fbad800 0fc7c0 0fc7c8 0fc7d0
  0f00f0 0f00f8 0f38f0c0 0f38f1c0 0fc3c0 c4e248f3c0 c4e278f3f0
  0f20c8 0f20e8 0f20f8 0f22c8 0f21e0 0f23e8 440f20c8 440f21c0 66660f0b f30f0b 480f0b
`;

export function invalidOpcodes(): Groups {
  const groups: Groups = new Map();
  for (const code of INVALID.trim().split(/\s+/)) {
    const rng = new Rng(code);
    addDrafts(groups, code, 3, (bytes) => new Draft(bytes, randomFlags(rng)));
  }
  return groups;
}

/** 15 bytes are the limit: the same instruction with prefixes up to it and beyond. */
export function longInstructions(): Groups {
  const groups: Groups = new Map();
  const rng = new Rng('long');
  for (const tail of [
    '90',
    '01d8',
    '83c001',
    '4801d8',
    '0fb6c3',
    '480fc8',
    '0f1f00',
    'c3',
    'f7d8',
  ]) {
    for (const length of [14, 15, 16, 17]) {
      const fill = rng.pick(['26', '2e', '36', '3e', '66', '67']);
      const code = fill.repeat(length - tail.length / 2) + tail;
      addDrafts(groups, code, 6, (bytes) => {
        const draft = new Draft(bytes, randomFlags(rng));
        draft.setGpr(0, 0x10000040n);
        return draft;
      });
    }
  }
  return groups;
}

/** The bytes that stand on the mapped page; what is missing is fetched from the next one. */
export function splitFetches(): Groups {
  const groups: Groups = new Map();
  const rng = new Rng('fetch');
  const instructions = [
    '4801d8',
    '48b80102030405060708',
    '0fafc3',
    '66f7c03412',
    'f3a4',
    'c4e278f2c3',
    'e900000000',
  ];
  for (const whole of instructions) {
    for (let kept = 1; kept < whole.length / 2; kept++) {
      addDrafts(groups, whole.slice(0, 2 * kept), 3, (bytes) => {
        const draft = new Draft(bytes, randomFlags(rng));
        draft.set('rip', CODE + 0x1000n - BigInt(kept));
        return draft;
      });
    }
  }
  return groups;
}

/**
 * Not valid in 64-bit mode, with everything that their opcode has behind it: up to there they are fetched.
 * Without VEX prefixes that are invalid themselves, 8F /1 to /7, UD0 and UD1, where processors differ.
 */
const INVALID_WHOLE = `
  06 1f 27 60 82c001 820401ff 82842500000000ff 9a000000000000 669a00000000 ce d40a d6 ea000000000000
  c6c800 c60c2500000000ff c7c800000000 66c7c80000 c78c241000000000000000 fed0 fe9510000000 fe5c2410 ffd8 ff3d00000000
  8ef0 8cb500000000 8dc0 0f04 0f0a 0f24 0f27 0f36 0f3b 0f7a 0fa6 0fb2c0 0fc7c0 0f00b500000000 0fbac000 0fba44240800
  0f38f0c0 0f3af01500000000ff 660f3affc000 c4e27cf2c0 c4e248f3c0 c4e278f3f0 c4e278f3742408 c4e37bf1c000
  c5f804 670fba0424ff f282c001 f0c6c800 f08d00 f0890500000000 f00f1f00
`;

export function splitInvalid(): Groups {
  const groups: Groups = new Map();
  for (const whole of INVALID_WHOLE.trim().split(/\s+/)) {
    const rng = new Rng(`split ${whole}`);
    for (let kept = 1; kept <= whole.length / 2; kept++) {
      const code = whole.slice(0, 2 * kept);
      if (groups.has(code)) continue;
      addDrafts(groups, code, 1, (bytes) => {
        const draft = new Draft(bytes, randomFlags(rng));
        draft.set('rip', CODE + 0x1000n - BigInt(kept));
        return draft;
      });
    }
  }
  return groups;
}

function addDrafts(
  groups: Groups,
  code: string,
  count: number,
  make: (bytes: number[]) => Draft,
): void {
  const bytes = [...Buffer.from(code, 'hex')];
  const planned = Array.from({ length: count }, () => ({
    row: undefined,
    input: make(bytes).input,
  }));
  groups.set(code, [...(groups.get(code) ?? []), ...planned]);
}
