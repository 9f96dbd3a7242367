/**
 * VPID and EPT in use, and what their invalidations drop (SDM 3C 29.4 Caching Translation Information). The tags
 * of TLB entries tell both (mmu/context.ts); what VMX non-root operation itself invalidates, by INVLPG or MOV to CR3,
 * is of its own VPID.
 *
 * More is dropped than must be: globals with the rest, the page of INVVPID under every VPID.
 */

import { BY_EPT, EPTP, GUEST_MAP, VPID } from '../layout';
import { Context } from './context';
import { Ept } from './ept';
import { Tlb } from './tlb';

export class Nested {
  /**
   * VM entry, VM exit: from now on translations are those of `vpid` and, if it is not 0, of the EPT pointer `eptp`. To be
   * called once the control registers are in place, instead of Context.select.
   */
  static use(eptp: u64, vpid: u32): void {
    store<u64>(EPTP, eptp);
    store<u32>(GUEST_MAP, eptp != 0 ? BY_EPT : 0);
    store<u32>(VPID, vpid);
    Context.select();
  }

  /** INVEPT of type 1: drops what came through the EPT of `eptp`, under any VPID. */
  static dropEpt(eptp: u64): void {
    Ept.forget();
    Context.forgetEpt(eptp);
    Context.refresh();
  }
  /** INVEPT of type 2: through any EPT. */
  static dropAllEpt(): void {
    Ept.forget();
    Context.forgetEpts();
    Context.refresh();
  }

  /** INVVPID of type 0: drops the page of the canonical address `gva` under `vpid`. */
  static dropPage(gva: u64, vpid: u32): void {
    if (Tlb.mayBeLarge(gva)) Nested.dropVpid(vpid);
    else Tlb.dropPage(gva);
  }
  /** INVVPID of types 1 and 3, or a VM entry or VM exit without VPID, whose is 0: all of `vpid`, through any EPT. */
  static dropVpid(vpid: u32): void {
    Context.forgetVpid(vpid);
    Context.refresh();
  }
  /** INVVPID of type 2: every VPID but 0. */
  static dropAllVpids(): void {
    Context.forgetVpids();
    Context.refresh();
  }

  /** The host has changed memory or registers: nothing of any VPID or EPT stays. */
  static forgetAll(): void {
    Ept.forget();
    Context.forgetEpts();
    Context.forgetVpids();
  }
}
