/**
 * The page that a domain and the VMM share (xen.h, shared_info), as the VMM uses it. The guest writes to it whatever it
 * likes, at any time: nothing that is read here is to be trusted, and nothing is remembered of it.
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { ARCH_SHARED_INFO, SHARED_INFO, VCPU_INFO, VCPU_TIME_INFO } from '../../xen/shared-info.ts';

const { vcpu_info, evtchn_pending, evtchn_mask, wc_version, arch } = SHARED_INFO.offsets;
const INFO = VCPU_INFO.offsets;
const SELECTOR_BYTES = VCPU_INFO.fields.evtchn_pending_sel.size;

/** `wc_version` is even, and another one each time. */
export type Wallclock = Readonly<Record<'wc_version' | 'wc_sec' | 'wc_nsec' | 'wc_sec_hi', number>>;

export class SharedInfo {
  readonly #memory: MachineMemory;
  /** HPA of the page. */
  readonly hpa: number;
  /** HPA of the information of the virtual processor, which the guest may have elsewhere. */
  #vcpu: number;

  constructor(memory: MachineMemory, hpa: number) {
    this.#memory = memory;
    this.hpa = hpa;
    this.#vcpu = hpa + vcpu_info;
  }

  /** HPA of the virtual processor's VCPU_INFO. */
  get vcpuInfo(): number {
    return this.#vcpu;
  }

  /** The guest has it elsewhere than in the shared info page. */
  get isVcpuInfoMoved(): boolean {
    return this.#vcpu !== this.hpa + vcpu_info;
  }

  /**
   * From now on the virtual processor's VCPU_INFO is at HPA `place`, as it is now (VCPUOP_register_vcpu_info). Everything
   * in it counts as pending, so that nothing is lost of what came before.
   */
  moveVcpuInfo(place: number): void {
    this.#memory.write(place, this.#memory.read(this.#vcpu, VCPU_INFO.size));
    this.#vcpu = place;
    this.#memory.fill(place + INFO.evtchn_pending_sel, SELECTOR_BYTES, 0xff);
    this.setUpcallPending();
  }

  /** An upcall is due as soon as it may come. */
  get isUpcallPending(): boolean {
    return this.#byte(INFO.evtchn_upcall_pending) !== 0;
  }
  setUpcallPending(): void {
    this.#setByte(INFO.evtchn_upcall_pending, 1);
  }

  /** No upcall may come. */
  get isUpcallMasked(): boolean {
    return this.#byte(INFO.evtchn_upcall_mask) !== 0;
  }
  /** The byte as it is: it goes into frames of the guest's handlers. */
  get upcallMask(): number {
    return this.#byte(INFO.evtchn_upcall_mask);
  }
  set upcallMask(value: number) {
    this.#setByte(INFO.evtchn_upcall_mask, value);
  }

  /** Word `n` of the pending bits has something pending; false if that was known. */
  selectPending(n: number): boolean {
    const selector = this.#vcpu + INFO.evtchn_pending_sel;
    if (this.#bit(selector, n)) return false;
    this.#setBit(selector, n);
    return true;
  }

  isPending(port: number): boolean {
    return this.#bit(this.hpa + evtchn_pending, port);
  }
  setPending(port: number): void {
    this.#setBit(this.hpa + evtchn_pending, port);
  }
  clearPending(port: number): void {
    this.#clearBit(this.hpa + evtchn_pending, port);
  }

  isMasked(port: number): boolean {
    return this.#bit(this.hpa + evtchn_mask, port);
  }
  clearMask(port: number): void {
    this.#clearBit(this.hpa + evtchn_mask, port);
  }

  /** The address of the latest page fault. */
  set cr2(address: bigint) {
    this.#memory.writeU64(this.#vcpu + INFO.arch, address);
  }

  /** How many pseudo-physical frames the domain says that it has. */
  get maxPfn(): bigint {
    return this.#memory.readU64(this.hpa + arch + ARCH_SHARED_INFO.offsets.max_pfn);
  }

  /** HPA of the virtual processor's time information. */
  get time(): number {
    return this.#vcpu + INFO.time;
  }

  writeTime(time: Parameters<typeof VCPU_TIME_INFO.write>[2]): void {
    const data = this.#memory.read(this.time, VCPU_TIME_INFO.size);
    VCPU_TIME_INFO.write(new DataView(data.buffer), 0, time);
    this.#memory.write(this.time, data);
  }

  /** The date when system time was 0. */
  writeWallclock(date: Wallclock): void {
    const data = this.#memory.read(this.hpa, SHARED_INFO.size);
    SHARED_INFO.write(new DataView(data.buffer), 0, date);
    this.#memory.write(this.hpa + wc_version, data.subarray(wc_version, arch));
  }

  #byte(offset: number): number {
    return this.#memory.bytes[this.#vcpu + offset] ?? 0;
  }

  #setByte(offset: number, value: number): void {
    if (this.#byte(offset) !== value) this.#memory.fill(this.#vcpu + offset, 1, value);
  }

  #bit(bitmap: number, n: number): boolean {
    return ((this.#memory.bytes[bitmap + (n >>> 3)] ?? 0) & (1 << (n & 7))) !== 0;
  }

  #setBit(bitmap: number, n: number): void {
    const at = bitmap + (n >>> 3);
    this.#memory.fill(at, 1, (this.#memory.bytes[at] ?? 0) | (1 << (n & 7)));
  }

  #clearBit(bitmap: number, n: number): void {
    const at = bitmap + (n >>> 3);
    this.#memory.fill(at, 1, (this.#memory.bytes[at] ?? 0) & ~(1 << (n & 7)));
  }
}
