/**
 * The processor as the host sees it: run, reset, a few questions, and the offsets of its state.
 * src/machine/processor.ts is the only caller.
 */

import { Flags } from './cpu/flags';
import { Mode } from './cpu/mode';
import { Reset } from './cpu/reset';
import { Run } from './cpu/run';
import { Virtual } from './cpu/virtual';
import { checkMsrLoad } from './gen/vmx-checks';
import { CR3, PAGING_MODE } from './layout';
import { CodePages } from './mmu/code-pages';
import { Context } from './mmu/context';
import { Dram } from './mmu/dram';
import { Nested } from './mmu/nested';
import { PagingMode } from './mmu/paging-mode';
import { Pdptes } from './mmu/pdptes';
import { Physical } from './mmu/physical';
import { Tlb } from './mmu/tlb';
import { Entry } from './vmx/entry';

export * from './layout';

/** Runs at most `fuel` instructions; an ExitReason. */
export function run(fuel: u32): u32 {
  return Run.run(fuel);
}

/** Power-up state. */
export function reset(): void {
  Reset.power();
}

/** To be called after the host has changed registers that the MMU or the decoder depends on. */
export function stateChanged(): void {
  Reset.changed();
}

/**
 * To be called after stateChanged when the host has changed CR3 as a MOV would: under PAE paging the PDPTE registers
 * are loaded. False, with none changed, if an entry has a reserved bit set.
 */
export function loadPdptes(): bool {
  return load<u32>(PAGING_MODE) != PagingMode.Pae || Pdptes.load(load<u32>(CR3));
}

/** To be called after the decode tables were changed. */
export function tablesChanged(): void {
  CodePages.reset();
}

/** RFLAGS with the status flags as they are. */
export function rflags(): u64 {
  return Flags.image();
}

export function setRflags(image: u64): void {
  Flags.setImage(image);
}

/** `length` bytes of RAM at HPA `hpa`, which may span pages, were written by the host. */
export function memoryChanged(hpa: u32, length: u32): void {
  let at = hpa;
  const end = hpa + length;
  while (at < end) {
    const count = min<u32>(end - at, 0x1000 - (at & 0xfff));
    Physical.changed(at, count);
    at += count;
  }
}

/** Exchanges the processor's block and that at `place` (Virtual.exchange). */
export function exchange(place: usize): void {
  Virtual.exchange(place);
}

/** Runs a guest directly on the host's processor at `place` (Virtual.direct). */
export function direct(place: usize, fuel: u32, stack: u32, flush: f64, reload: bool): u32 {
  return Virtual.direct(place, fuel, stack, flush, reload);
}

/** As a host's MOV to CR3 with bit 63 set and CR4.PCIDE: translations of `pcid` stay. */
export function setRoot(frame: u32, pcid: u32): void {
  store<u64>(CR3, ((<u64>frame) << 12) | pcid);
  Context.select();
}

/** Forgets all translations of `pcid`. */
export function flushPcid(pcid: u32): void {
  Context.flushPcid(pcid);
}

/** Forgets the page at `high`:`low` under every PCID. */
export function invalidatePage(high: u32, low: u32): void {
  Tlb.invalidatePage(((<u64>high) << 32) | low);
}

/** From now on translations are those of `vpid`, and of the EPT pointer `eptp` if it is not 0 (Nested.use). */
export function nest(eptp: u64, vpid: u32): void {
  Nested.use(eptp, vpid);
}

/** Forgets what came through the EPT of `eptp`; 0: through any. */
export function dropEpt(eptp: u64): void {
  if (eptp != 0) Nested.dropEpt(eptp);
  else Nested.dropAllEpt();
}

/** Forgets what is under `vpid`. */
export function dropVpid(vpid: u32): void {
  Nested.dropVpid(vpid);
}

/** Forgets what is under any VPID but 0. */
export function dropVpids(): void {
  Nested.dropAllVpids();
}

/** Forgets the page at `gva` under `vpid`. */
export function dropVpidPage(gva: u64, vpid: u32): void {
  Nested.dropPage(gva, vpid);
}

/** Loads CS and SS on a hosted processor as an IRET to CPL 3; false, with nothing loaded, if it would fault. */
export function enterUser(cs: u32, ss: u32): bool {
  return Virtual.enterUser(cs, ss);
}

/** Loads GS at CPL 3 as a MOV; false, with nothing loaded, if it would fault. */
export function loadGs(selector: u32): bool {
  return Virtual.loadGs(selector);
}

/** To be called after the host has changed a map of guest-physical memory, or tables that only it knows. */
export function translationsChanged(): void {
  Context.flushAll();
}

/** All lines of a frame of RAM are cached again (Dram.cached). */
export function frameCached(frame: u32): void {
  Dram.cached(frame);
}

/** To be called after the host has changed segment registers, and nothing else that the MMU depends on. */
export function modeChanged(): void {
  Mode.update();
}

/** Evaluates a group of VM-entry checks on the current VMCS; the number of the first that fails, or 0 (Entry.check). */
export function entryChecks(group: u32): u32 {
  return Entry.check(group);
}

/** The same for an entry of the VM-entry MSR-load area, of which is known whether WRMSR takes its value. */
export function msrLoadCheck(index: u32, reserved: u32, accepted: bool): u32 {
  return checkMsrLoad(index, reserved, accepted ? 1 : 0);
}
