/**
 * Direct execution: runs the guest on the host's processor until something needs the VMM, and serves the page faults
 * that the guest does not know of. What else stops it is left to the emulator: it does what the instruction asks for, or
 * raises what it raises.
 */

import { DB, GP, PF, PF_ID, PF_WR } from '../base/vector.ts';
import type { DescriptorViews } from './descriptor-views.ts';
import type { ExitCause, FullExitLog } from './exits/full-exit-log.ts';
import type { HostProcessor } from './host-processor.ts';
import type { PatchedCode } from './patch/patched-code.ts';
import type { GuestPaging } from './shadow/guest-paging.ts';
import type { Outcome, Shadow, ShadowRoot } from './shadow/shadow.ts';
import type { ViewName } from './shadow/shadow-page.ts';
import type { Vcpu } from './vcpu.ts';

/** Error code of the #GP that INT3 raises, its gate being the VMM's: IDT entry 3. */
const FILLER_ERROR = (3 << 3) | 2;

/** A view with its root and the host's processor that is set for it. */
interface Place {
  readonly host: HostProcessor;
  root: ShadowRoot | undefined;
}

export class DirectRunner {
  readonly #vcpu: Vcpu;
  readonly #shadow: Shadow;
  readonly #descriptors: DescriptorViews;
  readonly #places: Readonly<Record<ViewName, Place>>;
  readonly #patched: PatchedCode | undefined;
  readonly #log: FullExitLog | undefined;
  /** Instructions that have run directly. */
  instructions = 0;
  #generation = -1;
  /** Of the virtual processor, when it was looked at last. */
  #paging: GuestPaging;
  #pdptes: readonly number[];
  #isLong = false;

  constructor(
    vcpu: Vcpu,
    hosts: Readonly<Record<ViewName, HostProcessor>>,
    shadow: Shadow,
    descriptors: DescriptorViews,
    patched: PatchedCode | undefined,
    log: FullExitLog | undefined,
  ) {
    this.#vcpu = vcpu;
    this.#shadow = shadow;
    this.#descriptors = descriptors;
    this.#places = {
      kernel: { host: hosts.kernel, root: undefined },
      user: { host: hosts.user, root: undefined },
    };
    this.#paging = vcpu.paging;
    this.#pdptes = vcpu.pdptes;
    this.#patched = patched;
    this.#log = log;
  }

  /**
   * Runs until `fuel` instructions have retired (undefined), or one must be emulated: then why. What was used shows in
   * the virtual processor's time.
   */
  run(fuel: number): ExitCause | undefined {
    const start = this.#vcpu.timeLow();
    const view = this.#vcpu.viewName;
    const { host } = this.#places[view];
    const patched = view === 'kernel' ? this.#patched : undefined;
    patched?.prepare();
    for (;;) {
      const before = this.#vcpu.timeLow();
      const left = fuel - ((before - start) >>> 0);
      if (left <= 0) return undefined;
      const root = this.#root();
      const reason = host.run(left, root, this.#shadow);
      this.instructions += (this.#vcpu.timeLow() - before) >>> 0;
      if (reason === 'fuel') continue;
      if (reason === 'refused' && this.#descriptors.refused(this.#vcpu.view)) continue;
      if (reason !== 'event') return { kind: 'segments' };
      const cause = this.#stopped(host, root, patched);
      if (cause !== undefined) return cause;
    }
  }

  /** An event has stopped the guest: why it cannot go on now; undefined if it can. */
  #stopped(
    host: HostProcessor,
    root: ShadowRoot,
    patched: PatchedCode | undefined,
  ): ExitCause | undefined {
    const vector = host.vector();
    if (vector === DB) this.#trap(host);
    if (patched !== undefined && vector === GP && host.error() === FILLER_ERROR) {
      return this.#trapped(patched);
    }
    const outcome = vector === PF ? this.#fault(host, root) : 'guest';
    switch (outcome) {
      case 'guest':
        return { kind: 'event', vector, error: errorOf(host, vector) };
      case 'code':
        return this.#patched?.accessed();
      case 'device':
      case 'table':
        return { kind: outcome, address: host.address(), error: host.error() };
      default:
        return undefined;
    }
  }

  /** A trap that comes after its instruction: a single step, since the guest has set TF by itself, or else INT1. */
  #trap(host: HostProcessor): void {
    if (host.takeSingleStep()) this.#vcpu.trapAfterStep();
    else this.#vcpu.backToInt1();
  }

  /** The shadow root to run in; the descriptor tables are brought up to date. */
  #root(): ShadowRoot {
    const { view, viewName, paging, pdptes } = this.#vcpu;
    if (paging !== this.#paging || this.#generation !== this.#shadow.generation) this.#forget();
    const place = this.#places[viewName];
    if (place.root === undefined) {
      place.root = this.#shadow.root(paging, viewName, pdptes);
      // Making room may have dropped the other one.
      if (this.#generation !== this.#shadow.generation) {
        const { root } = place;
        this.#forget();
        place.root = root;
      }
    }
    this.#descriptors.update(view, paging, pdptes, this.#isLong);
    return place.root;
  }

  #forget(): void {
    this.#paging = this.#vcpu.paging;
    this.#pdptes = this.#vcpu.pdptes;
    this.#isLong = this.#vcpu.isLong;
    this.#generation = this.#shadow.generation;
    this.#shadow.hide(this.#vcpu.apicFrame);
    this.#places.kernel.root = undefined;
    this.#places.user.root = undefined;
  }

  /** Execution has met the filler: why it cannot go on, or undefined. */
  #trapped(patched: PatchedCode): ExitCause | undefined {
    this.#log?.begin({ kind: 'scan' });
    const cause = patched.trapped(this.#paging);
    if (cause === undefined) this.#log?.end();
    return cause;
  }

  /** Serves a page fault in `root`, if only the shadow has made it. */
  #fault(host: HostProcessor, root: ShadowRoot): Outcome {
    const error = host.error();
    const access = { isWrite: (error & PF_WR) !== 0, isFetch: (error & PF_ID) !== 0 };
    this.#log?.begin({ kind: 'fill', address: host.address(), error });
    const outcome = this.#shadow.fault(root, host.page(), access, this.#paging, this.#pdptes);
    if (outcome === 'filled') this.#log?.end();
    return outcome;
  }
}

/** Exceptions with an error code: a bit each for #DF, #TS, #NP, #SS, #GP, #PF, #AC. */
const WITH_ERROR = [8, 10, 11, 12, 13, PF, 17].reduce((bits, vector) => bits | (1 << vector), 0);

function errorOf(host: HostProcessor, vector: number): number | undefined {
  return vector < 32 && ((WITH_ERROR >>> vector) & 1) !== 0 ? host.error() : undefined;
}
