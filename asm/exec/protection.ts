/** clac, stac, rdpkru, wrpkru (SDM 2A-2D). */

import { CR4_PKE } from '../cpu/control';
import { Event } from '../cpu/event';
import { AC } from '../cpu/flags';
import { Register } from '../cpu/operand';
import { SystemFlags } from '../cpu/system-flags';
import { Why } from '../gen/why';
import { CPL, CR4, PKRU } from '../layout';
import { Context } from '../mmu/context';

const RAX: u32 = 0;
const RCX: u32 = 1;
const RDX: u32 = 2;

/** CLAC. */
export function clac(i: usize): void {
  setAc(0);
}
/** STAC. */
export function stac(i: usize): void {
  setAc(AC);
}

function setAc(bits: u32): void {
  if (load<u32>(CPL) != 0) Event.ud(Why.AboveCpl0);
  else SystemFlags.load(bits, AC);
}

/** RDPKRU. */
export function rdpkru(i: usize): void {
  if (!keysEnabled()) return;
  if (<u32>Register.get(RCX) != 0) {
    Event.gp(0, Why.OperandValue);
    return;
  }
  Register.set(RAX, load<u32>(PKRU));
  Register.set(RDX, 0);
}

/** WRPKRU. */
export function wrpkru(i: usize): void {
  if (!keysEnabled()) return;
  if (<u32>Register.get(RCX) != 0 || <u32>Register.get(RDX) != 0) {
    Event.gp(0, Why.OperandValue);
    return;
  }
  store<u32>(PKRU, <u32>Register.get(RAX));
  Context.select();
}

function keysEnabled(): bool {
  if (load<u32>(CR4) & CR4_PKE) return true;
  Event.ud(Why.FeatureAbsent);
  return false;
}
