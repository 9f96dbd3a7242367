/** What must hold after every call: counts that a full scan finds again, and what an address space can reach. */

import { expect } from 'vitest';
import type { MachineMemory } from '../../../src/machine/memory.ts';
import type { DirectPaging } from '../../../src/vmm/direct/direct-paging.ts';
import type { FrameTable } from '../../../src/vmm/direct/frame-table.ts';
import { frameOf, isGuestSlot } from '../../../src/vmm/direct/pte.ts';
import type { FramePool } from '../../../src/vmm/frames.ts';
import type { Frame } from './rig.ts';

export interface CheckedMachine {
  readonly memory: MachineMemory;
  readonly frames: FrameTable;
  readonly pool: Pick<FramePool, 'ownerOf'>;
  /** How many frames it has. */
  readonly size: number;
}

export interface CheckedGuest {
  readonly machine: CheckedMachine;
  readonly direct: DirectPaging;
  /** Frames that the VMM shares with it (FrameTable.share), and pages of its memory that it shares with the VMM. */
  readonly shared?: readonly Frame[];
  readonly registered?: readonly Frame[];
}

const P = 1;
const RW = 2;
const US = 4;
const WRITABLE = 6;
const DESCRIPTORS = 5;

class Entries {
  readonly #words: Uint32Array;

  constructor({ memory }: CheckedMachine) {
    this.#words = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset, memory.size / 4);
  }

  /** The present ones of the first `end` of a table; most are not. */
  present(table: Frame, end: number, visit: (low: number, target: Frame, n: number) => void): void {
    const words = this.#words;
    const first = table * 1024;
    for (let word = first; word < first + end * 2; word += 2) {
      const low = words[word] ?? 0;
      if ((low & P) !== 0) visit(low, frameOf(low, words[word + 1] ?? 0), (word - first) / 2);
    }
  }

  target(table: Frame, n: number): Frame {
    const word = table * 1024 + n * 2;
    return frameOf(this.#words[word] ?? 0, this.#words[word + 1] ?? 0);
  }
}

class Counts {
  readonly count: Uint32Array;
  readonly typeCount: Uint32Array;
  readonly linear: Int32Array;

  constructor(frames: number) {
    this.count = new Uint32Array(frames);
    this.typeCount = new Uint32Array(frames);
    this.linear = new Int32Array(frames);
  }

  add(frame: Frame, isTyped: boolean): void {
    this.count[frame] = (this.count[frame] ?? 0) + 1;
    if (isTyped) this.typeCount[frame] = (this.typeCount[frame] ?? 0) + 1;
  }

  addLinear(parent: Frame, child: Frame): void {
    this.linear[parent] = (this.linear[parent] ?? 0) + 1;
    this.linear[child] = (this.linear[child] ?? 0) - 1;
  }
}

function countTable(
  { frames }: CheckedMachine,
  entries: Entries,
  counts: Counts,
  frame: Frame,
): void {
  const level = frames.type(frame);
  const end = frames.isPartial(frame) ? frames.done(frame) : 512;
  entries.present(frame, end, (low, target, n) => {
    if (!isGuestSlot(level, n)) return;
    if (level === 1) counts.add(target, (low & RW) !== 0);
    else if (target !== frame) {
      counts.add(target, true);
      if (frames.type(target) === level) counts.addLinear(frame, target);
    }
  });
  if (!frames.isPartial(frame)) return;
  counts.add(frame, true);
  if (frames.hasPartialEntry(frame)) counts.add(entries.target(frame, end), false);
}

function countRest({ domain, descriptors }: DirectPaging, counts: Counts): void {
  const { old, kernelRoot, userRoot } = domain;
  for (const root of [kernelRoot, userRoot]) if (root !== 0) counts.add(root, true);
  for (const frame of descriptors.inUse) counts.add(frame, true);
  if (old.frame === 0) return;
  counts.add(old.frame, !old.isPartial);
  if (old.parent !== 0 && domain.frames.type(old.parent) === domain.frames.type(old.frame)) {
    counts.addLinear(old.parent, old.frame);
  }
}

/** Counts of all frames are those that tables, pins and roots of `guests` make. */
export function checkCounts(...guests: readonly CheckedGuest[]): void {
  const [first] = guests;
  if (first === undefined) return;
  const { machine } = first;
  const { frames, size } = machine;
  const entries = new Entries(machine);
  const counts = new Counts(size);
  for (let frame = 0; frame < size; frame++) {
    const isTable = frames.type(frame) >= 1 && frames.type(frame) <= 4;
    if (isTable && (frames.isValidated(frame) || frames.isPartial(frame))) {
      countTable(machine, entries, counts, frame);
    }
    if (frames.isPinned(frame)) counts.add(frame, true);
  }
  for (const { direct, shared = [], registered = [] } of guests) {
    countRest(direct, counts);
    for (const frame of shared) counts.typeCount[frame] = (counts.typeCount[frame] ?? 0) + 1;
    for (const frame of registered) counts.add(frame, true);
  }
  for (let frame = 0; frame < size; frame++) compare(machine, counts, frame);
}

function compare({ frames }: CheckedMachine, counts: Counts, frame: Frame): void {
  const isSame =
    frames.count(frame) === counts.count[frame] &&
    frames.typeCount(frame) === counts.typeCount[frame] &&
    frames.linear(frame) === counts.linear[frame];
  if (isSame) return;
  const found = [frames.count(frame), frames.typeCount(frame), frames.linear(frame)];
  const expected = [counts.count[frame], counts.typeCount[frame], counts.linear[frame]];
  expect(found, `count, type count, linear of frame ${frame}`).toEqual(expected);
}

/** What the processor can reach from the roots of `guest`: its own frames, none writable but those that may be so. */
export function checkReach(guest: CheckedGuest): void {
  const { kernelRoot, userRoot } = guest.direct.domain;
  const reach = new Reach(guest);
  for (const root of [kernelRoot, userRoot]) if (root !== 0) reach.walk(root, 4, true);
}

class Reach {
  readonly #guest: CheckedGuest;
  readonly #entries: Entries;
  readonly #seen = new Set<number>();

  constructor(guest: CheckedGuest) {
    this.#guest = guest;
    this.#entries = new Entries(guest.machine);
  }

  walk(table: Frame, level: number, canWrite: boolean): void {
    const key = (table * 4 + level - 1) * 2 + (canWrite ? 1 : 0);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#entries.present(table, 512, (low, frame) => {
      if ((low & US) === 0) return;
      const writes = canWrite && (low & RW) !== 0;
      if (level > 1) this.walk(frame, level - 1, writes);
      else this.#check(frame, writes);
    });
  }

  #check(frame: Frame, writes: boolean): void {
    const { machine, direct } = this.#guest;
    const { number } = direct.domain;
    const owner = machine.pool.ownerOf(frame);
    // Of the VMM's frames those of the M2P are read.
    if (owner !== number && (writes || owner !== -1)) {
      expect(owner, `owner of frame ${frame}, which is mapped`).toBe(number);
    }
    const type = machine.frames.type(frame);
    if (writes && (type !== WRITABLE || machine.frames.typeCount(frame) === 0)) {
      expect(type, `type of frame ${frame}, which is mapped writable`).toBe(WRITABLE);
    }
  }
}

/** The frame is a table or descriptors, or on the way to it. */
export function isProtected({ frames }: CheckedMachine, frame: Frame): boolean {
  return frames.typeCount(frame) > 0 && frames.type(frame) <= DESCRIPTORS;
}
