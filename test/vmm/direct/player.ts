/** Plays random calls of two guests, and what they do to memory in between, in ways that often make sense. */

import type { BatchCall, BatchOutcome } from '../../../src/vmm/direct/batches.ts';
import { leafPlace } from '../../../src/vmm/direct/leaf-place.ts';
import { DOMID } from '../../../src/xen/domid.ts';
import { CachedTranslations } from './cached-translations.ts';
import { checkCounts, checkReach } from './invariants.ts';
import {
  A,
  CLEAR_PAGE,
  COPY_PAGE,
  D,
  DONE,
  type Ext,
  entry,
  type Frame,
  G,
  type Guest,
  LIST,
  Machine,
  NEW_BASEPTR,
  NEW_USER_BASEPTR,
  P,
  PS,
  RW,
  UNPIN,
  US,
} from './rig.ts';
import { Space } from './space.ts';

/** What is done, and numbers that choose how. */
export interface Step {
  readonly kind: number;
  readonly guest: number;
  readonly choices: readonly number[];
}

/** How many numbers a step has. */
export const CHOICES = 12;
/** Slices that leave much to be done later, or nothing. */
export const SLICES = [64, 300, 700, 4096] as const;

/** Entries that are used: few, so that sequences meet themselves. */
const SLOTS = [0, 1, 2, 7, 255, 256, 300, 511];
const FLAGS = [0, P, P | US, P | RW, P | RW | US, P | RW | US | A | D, P | US | A, P | RW | US];
const BAD_FLAGS = [P | PS, P | US | G, P | RW | 0x10, P | US | 8];
/** The guest's frames by the level of the tables that they mostly are; pages begin at the end. */
const ROLES = [0, 2, 5, 8, 12, 22];
const FRAMES = 22;
const AREA = 0x800n;
const AREAS = 32;

interface Pending {
  readonly step: (call: BatchCall) => BatchOutcome;
  readonly call: BatchCall;
}

/** What happened in all, to see that sequences are not empty talk. */
export const played = {
  good: 0,
  bad: 0,
  again: 0,
  stores: 0,
  validations: 0,
  flushes: 0,
  given: 0,
};

class Actor {
  readonly space: Space;
  readonly cached: CachedTranslations;
  readonly pending: Pending[] = [];
  #area = 0n;

  constructor(space: Space) {
    this.space = space;
    this.cached = new CachedTranslations(space);
  }

  /** Room for the list of a call, not that of the last ones. */
  get area(): bigint {
    this.#area = (this.#area + 1n) % BigInt(AREAS);
    return LIST + this.#area * AREA;
  }
}

export class Player {
  readonly machine: Machine;
  readonly actors: readonly Actor[];
  #choices: readonly number[] = [];
  #next = 0;

  constructor(sliceEntries: number, seed: number) {
    this.machine = new Machine(2 * FRAMES + 6, seed);
    this.actors = [1, 2].map((number) => {
      const space = new Space(this.machine, number, FRAMES, sliceEntries);
      return new Actor(this.#arrange(space));
    });
    this.check(...this.actors);
  }

  /** An address space of tables by their roles. */
  #arrange(space: Space): Space {
    const table = (level: number, n = 0): Frame => space.frame((ROLES[4 - level] ?? 0) + n);
    const link = P | RW | US;
    for (const frame of [space.l4, space.l3, space.l2]) space.poke(frame, 0, 0n);
    space.poke(table(4), 0, entry(table(3), link));
    space.poke(table(3), 0, entry(table(2), link));
    space.poke(table(2), 0, entry(table(1), link));
    space.poke(table(2), 1, entry(table(1, 1), link));
    for (let n = 0; n < 3; n++) {
      space.poke(table(1), SLOTS[n] ?? 0, entry(space.frame(12 + n), link));
      space.poke(table(1, 1), SLOTS[n] ?? 0, entry(table(1, n), P));
    }
    if (space.ext(NEW_BASEPTR, table(4)) !== 0) throw new Error('the address space is refused');
    return space;
  }

  /** What must hold, of `actors` also what they can reach. */
  check(...actors: readonly Actor[]): void {
    checkCounts(...this.actors.map(({ space }) => space));
    for (const { space, cached } of actors) {
      cached.check();
      checkReach(space);
    }
  }

  play({ kind, guest, choices }: Step): void {
    const actor = this.actors[guest % this.actors.length];
    if (actor === undefined) return;
    this.#choices = choices;
    this.#next = 0;
    this.#perform(actor, kind);
    this.check(actor);
  }

  #perform(actor: Actor, kind: number): void {
    if (kind < 30) this.#update(actor);
    else if (kind < 50) this.#ext(actor);
    else if (kind < 62) this.#continue(actor);
    else if (kind < 68) this.#mapAddress(actor);
    else if (kind < 72) this.#useDescriptors(actor);
    else if (kind < 78) this.#touch(actor);
    else if (kind < 86) this.#promote(actor);
    else if (kind < 96) this.#store(actor);
    else this.#exchange(actor);
  }

  /** A number below `bound` of the step. */
  #choose(bound: number): number {
    const choice = this.#choices[this.#next % this.#choices.length] ?? 0;
    this.#next++;
    return (choice + Math.floor(this.#next / this.#choices.length)) % bound;
  }

  #slot(): number {
    return SLOTS[this.#choose(SLOTS.length)] ?? 0;
  }

  /** A frame of role `level` (0: pages), or now and then any that there is. */
  #frame(guest: Guest, level: number): Frame {
    if (this.#choose(8) === 0) {
      const all = this.#choose(this.machine.size + 2);
      return all % 2 === 0 ? guest.frame(all % FRAMES) : all;
    }
    const first = ROLES[4 - level] ?? 0;
    const end = ROLES[5 - level] ?? FRAMES;
    return guest.frame(first + this.#choose(end - first));
  }

  /** An entry for a table of role `level`. */
  #entry(guest: Guest, level: number): bigint {
    const isLinear = level > 1 && this.#choose(6) === 0;
    const frame = this.#frame(guest, isLinear ? level : level - 1);
    const isBad = this.#choose(24) === 0;
    const flags = isBad ? BAD_FLAGS : FLAGS;
    return entry(frame, flags[this.#choose(flags.length)] ?? 0);
  }

  #update(actor: Actor): void {
    const { space } = actor;
    const list = Array.from({ length: 1 + this.#choose(3) }, () => {
      const level = this.#choose(5);
      const ptr = this.#frame(space, level) * 4096 + this.#slot() * 8;
      return { ptr, val: this.#entry(space, Math.max(level, 1)), command: this.#choose(4) };
    });
    const call = space.updateCall(list, DOMID.SELF, actor.area);
    this.#start(actor, (next) => space.direct.mmuUpdate(next), call);
  }

  #ext(actor: Actor): void {
    const { space } = actor;
    const list: Ext[] = Array.from({ length: 1 + this.#choose(2) }, () => this.#op(space));
    const call = space.extCall(list, DOMID.SELF, actor.area);
    this.#start(actor, (next) => space.direct.mmuextOp(next), call);
  }

  #op(space: Space): Ext {
    const level = 1 + this.#choose(4);
    switch (this.#choose(10)) {
      case 0:
        return { command: CLEAR_PAGE, arg1: this.#frame(space, this.#choose(5)) };
      case 1: {
        const from = this.#frame(space, level);
        return { command: COPY_PAGE, arg1: this.#frame(space, level), arg2: from };
      }
      case 2: {
        const command = this.#choose(4) === 0 ? NEW_BASEPTR : NEW_USER_BASEPTR;
        return { command, arg1: this.#frame(space, 4) };
      }
      case 3:
      case 4:
        return { command: 6 + this.#choose(2), arg1: this.#address() };
      case 5:
      case 6:
        return { command: UNPIN, arg1: this.#frame(space, level) };
      default:
        return { command: level - 1, arg1: this.#frame(space, level) };
    }
  }

  #start(actor: Actor, step: Pending['step'], call: BatchCall): void {
    this.#goOn(actor, { step, call: { ...call, done: this.#choose(2) === 0 ? 0n : DONE } });
  }

  /** Makes the call; if it is to be made again, at once or later. */
  #goOn(actor: Actor, { step, call }: Pending): void {
    let next = call;
    const now = this.#choose(5);
    for (let slices = 0; slices <= now; slices++) {
      const outcome = step(next);
      if ('result' in outcome) {
        if (outcome.result === 0) played.good++;
        else played.bad++;
        return;
      }
      played.again++;
      this.check(actor);
      next = outcome.again;
    }
    actor.pending.push({ step, call: next });
  }

  #continue(actor: Actor): void {
    const n = this.#choose(Math.max(actor.pending.length, 1));
    const [pending] = actor.pending.splice(n, 1);
    if (pending !== undefined) this.#goOn(actor, pending);
  }

  #address(): bigint {
    const parts = Array.from({ length: 4 }, () => BigInt(this.#slot()));
    const va = parts.reduce((sum, part) => (sum << 9n) | part, 0n) << 12n;
    return BigInt.asUintN(64, BigInt.asIntN(48, va));
  }

  /** One that is often mapped: below the first entries. */
  #likelyAddress(): bigint {
    if (this.#choose(3) === 0) return this.#address();
    return BigInt((this.#choose(2) << 21) | ((SLOTS[this.#choose(4)] ?? 0) << 12));
  }

  #mapAddress({ space }: Actor): void {
    const value = this.#entry(space, 1);
    space.direct.updateVaMapping(this.#likelyAddress(), value, BigInt(this.#choose(3)));
  }

  #useDescriptors({ space }: Actor): void {
    const { descriptors } = space.direct;
    const frame = this.#frame(space, 0);
    switch (this.#choose(4)) {
      case 0:
        descriptors.setGdt([frame], 8);
        break;
      case 1:
        descriptors.setLdt(BigInt(this.#slot() << 12), 8);
        break;
      case 2:
        descriptors.ldtFrame(0);
        break;
      default:
        descriptors.update(frame * 4096, { low: 0xffff, high: 0x00cf_9300 });
    }
  }

  #touch({ space, cached }: Actor): void {
    const { kernelRoot, userRoot } = space.direct.domain;
    if (this.#choose(3) === 0) cached.touchAgain(this.#choose(64));
    else if (this.#choose(4) !== 0) cached.touch(kernelRoot, this.#likelyAddress());
    else if (userRoot !== 0) cached.touch(userRoot, this.#likelyAddress());
  }

  /** The guest writes to a page, by what the processor has cached. */
  #store(actor: Actor): void {
    const { space, cached } = actor;
    if (this.#choose(2) === 0) this.#touch(actor);
    const frame = cached.writable(this.#choose(64));
    if (frame === undefined) return;
    played.stores++;
    space.poke(frame, this.#slot(), this.#entry(space, 1 + this.#choose(4)));
  }

  /** Makes a table or descriptors of a page that the guest has just used and now unmaps, or keeps read-only. */
  #promote({ space, cached }: Actor): void {
    const { direct } = space;
    const root = direct.domain.kernelRoot;
    const va = this.#likelyAddress();
    const place = leafPlace(direct.domain, va);
    if (place === undefined) return;
    const page = Number((this.machine.memory.readU64(place) >> 12n) & 0xffffn);
    const isWritable = direct.updateVaMapping(va, entry(page, P | RW | US), 0n) === 0;
    cached.touch(root, va);
    if (!isWritable) return;
    direct.updateVaMapping(va, this.#choose(2) === 0 ? 0n : entry(page, P | US), 0n);
    const level = 1 + this.#choose(5);
    if (level > 4) direct.descriptors.setGdt([page], 8);
    else space.ext(level - 1, page);
    if (this.#choose(2) === 0) space.ext(UNPIN, page);
  }

  /** The guest gives a frame back, be it in use, and gets another one if it has not as many as it may have. */
  #exchange({ space }: Actor): void {
    const { reservation } = space.direct;
    const n = this.#choose(FRAMES);
    reservation.begin();
    const isGiven = reservation.giveBack(space.frame(n));
    const isMore = this.#choose(2) === 0;
    if (isMore) reservation.end();
    const taken = reservation.take(1, this.machine.size);
    reservation.end();
    if (isGiven) played.given++;
    if (taken !== undefined) space.owned[n] = taken;
  }

  /** Adds to what was played what the guests counted. */
  end(): void {
    this.check(...this.actors);
    for (const { space } of this.actors) {
      played.validations += space.direct.domain.counters.validations;
      played.flushes += space.host.flushes;
    }
  }
}
