/**
 * All devices of the machine on one bus, and a guest that does anything: nothing throws, nothing
 * grows, restore is exact.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConsolePort } from '../../src/devices/console-port.ts';
import { DebugExit } from '../../src/devices/debug-exit.ts';
import { I8042 } from '../../src/devices/i8042.ts';
import { Pic } from '../../src/devices/pic.ts';
import { Pit } from '../../src/devices/pit.ts';
import { Port61 } from '../../src/devices/port61.ts';
import { Port92 } from '../../src/devices/port92.ts';
import { Uart16550 } from '../../src/devices/uart16550.ts';
import type { PortSize } from '../../src/machine/bus.ts';
import { IrqLine, WiredOr } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

class Board extends Rig {
  readonly log: string[] = [];
  readonly intr = new IrqLine((level) => this.log.push(`${this.now} intr ${level}`));
  readonly pic: Pic;
  readonly pit: Pit;
  readonly port61: Port61;
  readonly port92: Port92;
  readonly i8042: I8042;
  readonly com1: Uart16550;

  constructor(from?: Board) {
    super(from?.now);
    const { clock, bus, intr } = this;
    const gate = new WiredOr((level) => this.log.push(`a20 ${level}`));
    const reset = () => this.log.push('reset');
    this.pic = from ? Pic.restore(intr, from.pic.save()) : new Pic(intr);
    const line = (irq: number) => this.pic.line(irq);
    const [pit, kbd, com] = [
      { clock, irq: line(0) },
      { irq: line(1), a20: gate.input(), reset },
      { clock, irq: line(4), transmit: (byte: number) => this.log.push(`com1 ${byte}`) },
    ];
    this.pit = from ? Pit.restore(pit, from.pit.save()) : new Pit(pit);
    const portB = { clock, pit: this.pit };
    this.port61 = from ? Port61.restore(portB, from.port61.save()) : new Port61(portB);
    this.i8042 = from ? I8042.restore(kbd, from.i8042.save()) : new I8042(kbd);
    const portA = { a20: gate.input(), reset };
    this.port92 = from ? Port92.restore(portA, from.port92.save()) : new Port92(portA);
    this.com1 = from ? Uart16550.restore(com, from.com1.save()) : new Uart16550(com);
    bus.mapPorts(0x20, 2, this.pic.master);
    bus.mapPorts(0xa0, 2, this.pic.slave);
    bus.mapPorts(0x4d0, 2, this.pic.elcr);
    bus.mapPorts(0x40, 4, this.pit);
    bus.mapPorts(0x60, 1, this.i8042.dataPort);
    bus.mapPorts(0x61, 1, this.port61);
    bus.mapPorts(0x64, 1, this.i8042.commandPort);
    bus.mapPorts(0x92, 1, this.port92);
    bus.mapPorts(0x3f8, 8, this.com1);
    bus.mapPorts(0xe9, 1, new ConsolePort((byte) => this.log.push(`console ${byte}`)));
    bus.mapPorts(0xf4, 4, new DebugExit((status) => this.log.push(`exit ${status}`)));
    if (!from) this.#boot();
    this.log.length = 0;
  }

  /** What a kernel does first, so that interrupts come. */
  #boot(): void {
    this.out(0x20, 0x11);
    this.out(0x21, 0x20, 0x04, 0x01);
    this.out(0xa0, 0x11);
    this.out(0xa1, 0x28, 0x02, 0x01);
    this.out(0x43, 0x34);
    this.out(0x40, 0xa9, 0x04);
    this.out(0x3fc, 0x08);
    this.out(0x3f9, 0x03);
  }

  run(steps: readonly Step[]): number[] {
    return steps.map(({ port, size, value, write, ns }) => {
      this.pass(BigInt(ns));
      if (value % 5 === 0) this.com1.receive(value & 0xff);
      if (value % 3 === 0 && this.intr.level) return this.pic.acknowledge();
      if (!write) return this.bus.readPort(port, size);
      this.bus.writePort(port, size, value % 2 ** (8 * size));
      return 0;
    });
  }

  save(): unknown {
    const parts = [this.pic, this.pit, this.port61, this.i8042, this.port92, this.com1];
    return parts.map((part) => part.save());
  }
}

const PORTS = [
  [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1],
  [0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x92],
  [0xe9, 0xf4, 0xf6, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff],
].flat();

const step = fc.record({
  port: fc.constantFrom(...PORTS),
  size: fc.constantFrom<PortSize>(1, 1, 1, 2, 4),
  value: fc.oneof(fc.nat(0xff), fc.nat(0xffffffff)),
  write: fc.boolean(),
  ns: fc.oneof(fc.nat(1000), fc.nat(1_000_000)),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

describe('a hostile guest', () => {
  it('meets devices that neither throw nor answer beyond the access', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const values = new Board().run(steps);
        values.forEach((value, i) => {
          const size = steps[i]?.size ?? 1;
          expect(Number.isInteger(value) && value >= 0 && value < 2 ** (8 * size)).toBe(true);
        });
      }),
      { numRuns: 200 },
    );
  });

  it('cannot tell a restored board from the saved one', () => {
    const steps = fc.array(step, { maxLength: 80 });
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const board = new Board();
        board.run(before);
        const copy = new Board(board);
        board.log.length = 0;
        expect(copy.run(after)).toEqual(board.run(after));
        expect(copy.log).toEqual(board.log);
        expect(copy.save()).toEqual(board.save());
      }),
      { numRuns: 300 },
    );
  });
});
