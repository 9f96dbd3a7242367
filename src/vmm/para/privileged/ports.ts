/**
 * IN and OUT, and who may use ports. Code whose level the guest's I/O privilege level allows may use all ports. Those that
 * the VMM has not granted have nothing behind them: they read as ones.
 *
 * DIVERGES: the guest's kernel has the granted ports whatever that level is, where Xen makes it ask first. They are the debug
 * ports of this machine, which Xen does not know. There is neither the bitmap of ports that physdev_op's set_iobitmap sets
 * nor breakpoints on ports.
 *
 * CLI and STI do nothing, if the level allows them: events are masked in the shared info.
 */

import type { GuestCode, PortState } from './guest.ts';
import type { Instruction } from './instruction.ts';
import { DONE, DONE_UNTRACED, type Effect, REFUSED } from './outcome.ts';
import { RAX, RDX, readGpr, readU32, writeGpr } from './registers.ts';

export type PortGuest = GuestCode & PortState;

const USER_LEVEL = 3;

/** The guest's kernel counts as level 1, as on 32-bit machines where it runs there. */
function isIoplEnough({ isKernel, iopl, hasArchitecturalIopl }: PortGuest): boolean {
  const kernelLevel = hasArchitecturalIopl ? 0 : 1;
  return (isKernel ? kernelLevel : USER_LEVEL) <= iopl;
}

export function mayUsePort(guest: PortGuest, port: number, size: number): boolean {
  return isIoplEnough(guest) || (guest.isKernel && guest.isGranted(port, size));
}

export function readPort(guest: PortGuest, port: number, size: number): number {
  return guest.isGranted(port, size) ? guest.readPort(port, size) : 2 ** (8 * size) - 1;
}

export function writePort(guest: PortGuest, port: number, size: number, value: number): void {
  if (guest.isGranted(port, size)) guest.writePort(port, size, value);
}

/** In DX. */
export function portInDx(guest: GuestCode): number {
  return readU32(guest, RDX) & 0xffff;
}

interface PortAccess {
  readonly port: number;
  /** Bytes. */
  readonly size: number;
}

function accessOf(guest: PortGuest, { operands }: Instruction): PortAccess {
  const data = operands.find((one) => one.kind === 'reg' && one.number === RAX);
  const immediate = operands.find((one) => one.kind === 'imm');
  return {
    size: data?.kind === 'reg' ? data.bits / 8 : 0,
    port: immediate?.kind === 'imm' ? Number(immediate.value) & 0xff : portInDx(guest),
  };
}

export function input(guest: PortGuest, instruction: Instruction): Effect {
  const { port, size } = accessOf(guest, instruction);
  if (!mayUsePort(guest, port, size)) return REFUSED;
  writeGpr(guest, RAX, 8 * size, BigInt(readPort(guest, port, size)));
  return effectOf(guest, port, size);
}

export function output(guest: PortGuest, instruction: Instruction): Effect {
  const { port, size } = accessOf(guest, instruction);
  if (!mayUsePort(guest, port, size)) return REFUSED;
  writePort(guest, port, size, Number(readGpr(guest, RAX, 8 * size)));
  return effectOf(guest, port, size);
}

/** Xen runs the access itself where it is granted, and forgets TF. */
function effectOf(guest: PortGuest, port: number, size: number): Effect {
  return guest.isGranted(port, size) ? DONE_UNTRACED : DONE;
}

export function changeInterruptFlag(guest: PortGuest): Effect {
  return isIoplEnough(guest) ? DONE_UNTRACED : REFUSED;
}
