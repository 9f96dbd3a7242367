/**
 * Selectors, and instructions that load or examine them. The descriptors behind them are Linux's:
 * 28 data and 30 64-bit code with DPL 3, flat; 08 to 18 and the TSS at 40 with DPL 0; no LDT. Only
 * what a table of this shape decides is used.
 */

import { STACK } from '../vectors/pages.ts';
import { Draft } from './draft.ts';
import type { Encoded } from './encode.ts';
import { placeMemory, randomFlags, randomState } from './operands.ts';
import type { Rng } from './rng.ts';

const BAD = [0x08n, 0x10n, 0x13n, 0x18n, 0x1bn, 0x40n, 0x43n, 0x07n, 0x0cn, 0xfffbn, 0xfff8n];
const NULL = [0n, 1n, 2n, 3n];

export function codeSelector(rng: Rng): bigint {
  return rng.chance(60) ? 0x33n : rng.pick([...BAD, ...NULL, 0x2bn, 0x28n, 0x30n, 0x31n, 0x32n]);
}

export function stackSelector(rng: Rng): bigint {
  return rng.chance(75) ? 0x2bn : rng.pick([...BAD, ...NULL, 0x28n, 0x29n, 0x33n]);
}

/** Not 1 to 3: the kernel's return to the signal handler would turn these null selectors into 0. */
function dataSelector(rng: Rng): bigint {
  return rng.pick([...BAD, 0n, 0n, 0n, 0x2bn, 0x2bn, 0x2bn, 0x28n, 0x33n, 0x30n, 0x31n]);
}

const LOADED = ['ds', 'es', 'fs', 'gs'];

/** Other contents than null in the selectors that may have them. */
function randomSelectors(draft: Draft, rng: Rng): void {
  for (const name of LOADED) if (rng.chance(40)) draft.set(name, rng.pick([0x2bn, 0x33n, 0x28n]));
}

/** MOV to and from a segment register, LAR, LSL, VERR, VERW: a selector in the last operand. */
export function selectorState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  randomSelectors(draft, rng);
  const source = encoded.operands.at(-1)!;
  if (source.kind === 'gpr') {
    draft.setGpr(source.register, dataSelector(rng) | (rng.chance(30) ? rng.bits(48) << 16n : 0n));
  }
  const at = placeMemory(draft, encoded, rng);
  if (at !== undefined && source.kind === 'mem') draft.store(at, 16, dataSelector(rng));
  return draft;
}

/** PUSH and POP of FS and GS. POP reads two bytes of its slot, which must not decide a fault. */
export function stackSelectorState(encoded: Encoded, rng: Rng): Draft {
  const draft = new Draft(encoded.bytes, randomFlags(rng));
  randomSelectors(draft, rng);
  const offset = rng.chance(92)
    ? BigInt(0x400 + rng.below(0x40) * 8)
    : rng.pick([0n, 0xfffn, 0x1000n]);
  draft.setGpr(4, STACK + offset);
  const bytes = encoded.prefixes.includes(0x66) ? 2 : 8;
  const junk = rng.chance(30) ? rng.bits(48) << 16n : 0n;
  draft.store(
    STACK + offset,
    bytes * 8,
    encoded.row.mnemonic === 'pop' ? dataSelector(rng) | junk : 0n,
  );
  return draft;
}

/** LSS, LFS, LGS. */
export function farPointerState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const bits = encoded.row.encoding.operandSize ?? 32;
  const at = placeMemory(draft, encoded, rng)!;
  const selector = encoded.row.mnemonic === 'lss' ? stackSelector(rng) : dataSelector(rng);
  draft.store(at, bits + 16, (selector << BigInt(bits)) | rng.operand(bits));
  return draft;
}

/** RDFSBASE and its like; a base is canonical, an operand need not be. */
export function baseState(encoded: Encoded, rng: Rng): Draft {
  const draft = randomState(encoded, rng);
  const canonical = () => BigInt.asIntN(48, rng.operand(48));
  draft.set('fs_base', canonical());
  draft.set('gs_base', canonical());
  const [choice] = encoded.operands;
  if (choice?.kind === 'gpr' && rng.chance(60)) draft.setGpr(choice.register, canonical());
  return draft;
}
