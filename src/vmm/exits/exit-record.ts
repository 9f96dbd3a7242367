/** An exit as statistics and traces hear of it. */

import type { CodeMode } from '../../isa/row.ts';
import type { CallbackName } from '../../xen/callback.ts';
import type { ErrorName } from '../../xen/errno.ts';
import type { ExitName } from './exit-reasons.ts';
import type { Qualification } from './qualification.ts';

/** What the VMM did about an exit. */
export type ExitAction =
  /** Ran the instruction for the guest, or tried to. */
  | { readonly kind: 'emulated' }
  /** Gave the shadow page tables an entry, or made room for it. */
  | { readonly kind: 'mapped' }
  /** Let a device of the VM answer. */
  | {
      readonly kind: 'forwarded';
      readonly to: 'port' | 'mmio';
      readonly access: 'read' | 'write';
      readonly address: number;
      readonly size: number;
      readonly value: number;
    }
  /** Delivered an exception or interrupt through the guest's IDT. */
  | {
      readonly kind: 'injected';
      readonly vector: number;
      readonly error: number | undefined;
      /** It comes from the interrupt controller. */
      readonly isExternal: boolean;
    }
  /** Entered a callback of a PV kernel. */
  | { readonly kind: 'injected'; readonly callback: CallbackName }
  /** Made a hypercall: what RAX got, with the error's name if it is one. */
  | { readonly kind: 'returned'; readonly result: bigint; readonly error?: ErrorName | undefined }
  /** Did a part of a hypercall: the guest makes it again, for the rest. */
  | { readonly kind: 'continued' }
  /** Lets the virtual processor sleep until an event comes. */
  | { readonly kind: 'blocked' }
  /** Ended the VM; `why` a PV domain has crashed. */
  | { readonly kind: 'stopped'; readonly why?: string };

/** One exit. */
export interface ExitRecord {
  /** Name of the VM, and number of the virtual processor in it. */
  readonly vm: string;
  readonly vcpu: number;
  /** Virtual time in nanoseconds. */
  readonly time: bigint;
  readonly rip: bigint;
  /** Privilege level; of a PV kernel, which runs at 3, the one that it was written for. */
  readonly cpl: number;
  readonly reason: ExitName;
  readonly qualification: Qualification | undefined;
  /** Width of the code. */
  readonly bits: CodeMode;
  /** The instruction's bytes, as far as they can be read. */
  readonly bytes: Uint8Array;
  readonly mnemonic: string;
  /** What the VMM did, in order. */
  readonly actions: readonly ExitAction[];
  /** Where the guest goes on, and the virtual time then; undefined: it does not. */
  readonly entry: { readonly time: bigint; readonly rip: bigint } | undefined;
  /** Host time that the VMM took, in nanoseconds; varies from run to run. */
  readonly hostNs: number;
}

export type ExitSink = (record: ExitRecord) => void;

/** Host time in milliseconds: for reports only, nothing that a guest computes depends on it. */
export type HostTime = () => number;
