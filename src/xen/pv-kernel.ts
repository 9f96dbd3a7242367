/** A kernel for the PV ABI: what is loaded where, and what it says of itself in its ELF notes (elfnote.h). */

/** What the notes say; undefined where a kernel says nothing. */
export interface KernelNotes {
  /** Virtual addresses. */
  readonly entry?: bigint | undefined;
  readonly hypercallPage?: bigint | undefined;
  readonly virtBase?: bigint | undefined;
  readonly initP2m?: bigint | undefined;
  readonly hvStartLow?: bigint | undefined;
  /** What p_paddr is too large by. */
  readonly paddrOffset?: bigint | undefined;
  readonly xenVersion?: string | undefined;
  readonly guestOs?: string | undefined;
  readonly guestVersion?: string | undefined;
  readonly loader?: string | undefined;
  readonly paeMode?: string | undefined;
  /** Names with `|` between them, `!` before those that the kernel cannot do without. */
  readonly features?: string | undefined;
  /** A submap of further features that it can use. */
  readonly supportedFeatures?: bigint | undefined;
  /** `yes`: it needs its symbols loaded. */
  readonly bsdSymtab?: string | undefined;
  /** Entries that are not present hold a frame number where `entry & mask === value`. */
  readonly l1MfnValid?: readonly { readonly mask: bigint; readonly value: bigint }[] | undefined;
  /** Not 0: it copes with a suspend that is cancelled; with a module that is not mapped. */
  readonly suspendCancel?: bigint | undefined;
  readonly modStartPfn?: bigint | undefined;
}

/** Bytes for one place in pseudo-physical memory. */
export interface PvSegment {
  /** How messages call it. */
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** In memory: zeros follow the bytes. */
  readonly size: bigint;
}

export interface PvKernel {
  readonly notes: KernelNotes;
  readonly segments: readonly PvSegment[];
  /** Virtual address of pseudo-physical address 0. */
  readonly virtBase: bigint;
  /** Virtual addresses. The hypercall page lies within the kernel, the list of frames outside; undefined: none is asked for. */
  readonly entry: bigint;
  readonly hypercallPage: bigint | undefined;
  readonly initP2m: bigint | undefined;
  /** Submaps of features: what the kernel cannot do without, what it can use (which includes that). */
  readonly requiredFeatures: number;
  readonly supportedFeatures: number;
}
