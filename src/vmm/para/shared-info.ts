/**
 * The page that a domain and the VMM share (xen.h, shared_info), as the VMM uses it. The guest writes to it whatever it
 * likes, at any time: nothing that is read here is to be trusted, and nothing is remembered of it.
 */

import type { MachineMemory } from '../../machine/memory.ts';
import { SHARED_INFO, VCPU_INFO, VCPU_TIME_INFO } from '../../xen/shared-info.ts';

const { vcpu_info, evtchn_pending, evtchn_mask, arch } = SHARED_INFO.offsets;
const INFO = VCPU_INFO.offsets;

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

  /** From now on the virtual processor's VCPU_INFO is at HPA `place`, as it is now (VCPUOP_register_vcpu_info). */
  moveVcpuInfo(place: number): void {
    this.#memory.write(place, this.#memory.read(this.#vcpu, VCPU_INFO.size));
    this.#vcpu = place;
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

  /** Word `n` of the virtual processor's selector has something pending. */
  selectPending(n: number): void {
    this.#setBit(this.#vcpu + INFO.evtchn_pending_sel, n);
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

  /** arch.nmi_reason and the like: HPA of the part that belongs to the architecture. */
  get arch(): number {
    return this.hpa + arch;
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
