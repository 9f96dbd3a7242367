/**
 * Random memory_op of two domains, in structures and lists that often make sense, between changes of page tables: counts
 * stay what a full scan counts, no domain reaches a frame of the other, and each has as many frames as it is told.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memoryCalls } from '../../../src/vmm/para/hypercalls/memory-op.ts';
import { DOMID } from '../../../src/xen/domid.ts';
import { XEN_MEMORY_EXCHANGE, XEN_MEMORY_RESERVATION, XENMEM } from '../../../src/xen/memory.ts';
import { u64 } from '../../../src/xen/structure.ts';
import { checkCounts, checkReach } from '../direct/invariants.ts';
import { entry, L1, L2, Machine, P, RW, UNPIN, US } from '../direct/rig.ts';
import { Space } from '../direct/space.ts';
import { BASE, FlatSpace, finish, NOWHERE, READ_ONLY, XEN } from './flat-space.ts';

const ARG = BASE + 0x100n;
const LISTS = [BASE + 0x1000n, BASE + 0x2000n, READ_ONLY - 8n, READ_ONLY, NOWHERE, XEN];
const FRAMES = 16;
const CHOICES = 14;

const step = fc.noBias(
  fc.record({
    guest: fc.nat(1),
    choices: fc.array(fc.nat(999), { minLength: CHOICES, maxLength: CHOICES }),
  }),
);
const done = { extents: 0, exchanges: 0, pages: 0 };

class Domain {
  readonly memory = new FlatSpace();
  readonly space: Space;
  readonly #machine: Machine;
  #choices: readonly number[] = [];
  #next = 0;

  constructor(machine: Machine, number: number) {
    this.#machine = machine;
    this.space = new Space(machine, number, FRAMES, 700).fill().start();
  }

  play(choices: readonly number[]): void {
    this.#choices = choices;
    this.#next = 0;
    const kind = this.#choose(8);
    if (kind < 3) this.#extents();
    else if (kind < 5) this.#exchange();
    else this.#map();
  }

  #choose(bound: number): number {
    return (this.#choices[this.#next++ % CHOICES] ?? 0) % bound;
  }

  #frame(): number {
    return this.#choose(3) === 0
      ? this.#choose(this.#machine.size + 2)
      : this.space.frame(this.#choose(FRAMES));
  }

  #list(): bigint {
    return LISTS[this.#choose(4) === 0 ? this.#choose(LISTS.length) : this.#choose(2)] ?? 0n;
  }

  #fill(): void {
    for (const list of LISTS.slice(0, 2)) {
      for (let n = 0; n < 4; n++)
        this.memory.set(u64, list + BigInt(n) * 8n, BigInt(this.#frame()));
    }
  }

  #reservation() {
    return {
      extent_start: this.#list(),
      nr_extents: BigInt(this.#choose(4)),
      extent_order: this.#choose(3) === 0 ? this.#choose(3) : 0,
      mem_flags: this.#choose(4) === 0 ? this.#choose(20) : 0,
      domid: this.#choose(9) === 0 ? this.#choose(4) : DOMID.SELF,
    };
  }

  #call(operation: number): number {
    const { direct } = this.space;
    const calls = memoryCalls({
      number: direct.domain.number,
      domains: this.#machine.vms,
      space: this.memory,
      reservation: direct.reservation,
      machineToPhys: this.#machine.machineToPhys,
      maxPfn: () => 0n,
    });
    return finish(calls.memory_op, operation, ARG).result;
  }

  #extents(): void {
    const { decrease_reservation, increase_reservation, populate_physmap } = XENMEM;
    const operations = [decrease_reservation, populate_physmap, increase_reservation];
    const operation = operations[this.#choose(3)] ?? 0;
    this.#fill();
    const call = this.#reservation();
    this.memory.set(XEN_MEMORY_RESERVATION, ARG, call);
    const extents = this.#call(operation);
    done.extents += extents;
    if (operation === decrease_reservation || call.extent_start !== LISTS[0]) return;
    for (let n = 0; n < extents; n++) this.#keep(call.extent_start, n);
  }

  #exchange(): void {
    this.#fill();
    const given = this.#reservation();
    const wanted = { ...this.#reservation(), domid: given.domid, nr_extents: given.nr_extents };
    this.memory.set(XEN_MEMORY_EXCHANGE, ARG, { in: given, out: wanted, nr_exchanged: 0n });
    if (this.#call(XENMEM.exchange) !== 0) return;
    done.exchanges += Number(given.nr_extents);
    for (let n = 0; n < Number(given.nr_extents); n++) this.#keep(wanted.extent_start, n);
  }

  /** One of the guest's frames is that of a list now. */
  #keep(list: bigint, n: number): void {
    this.space.owned[4 + this.#choose(FRAMES - 4)] = Number(
      this.memory.get(u64, list + BigInt(n) * 8n),
    );
  }

  #map(): void {
    const { space } = this;
    const flags = [0, P, P | US, P | RW | US][this.#choose(4)] ?? 0;
    const result =
      this.#choose(4) === 0
        ? space.ext([L1, L2, UNPIN][this.#choose(3)] ?? UNPIN, this.#frame())
        : space.set(space.l1, this.#choose(8), entry(this.#frame(), flags));
    if (result === 0) done.pages++;
  }
}

test('random memory_op leave each domain what it has', () => {
  fc.assert(
    fc.property(
      fc.nat(99),
      fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }),
      (seed, steps) => {
        const machine = new Machine(2 * FRAMES + 7, seed + 1);
        const domains = [new Domain(machine, 1), new Domain(machine, 2)];
        for (const { guest, choices } of steps) {
          domains[guest]?.play(choices);
          const spaces = domains.map(({ space }) => space);
          checkCounts(...spaces);
          for (const space of spaces) {
            checkReach(space);
            const { reservation, domain } = space.direct;
            let owned = 0;
            for (let n = 0; n < machine.size; n++)
              if (machine.pool.ownerOf(n) === domain.number) owned++;
            expect(reservation.current).toBe(owned);
            expect(owned).toBeLessThanOrEqual(reservation.maximum);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
  for (const count of Object.values(done)) expect(count).toBeGreaterThan(50);
});
