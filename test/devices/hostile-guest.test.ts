/**
 * All devices of the machine on one bus, and a guest that does anything: nothing throws, nothing
 * grows, restore is exact.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AcpiPm } from '../../src/devices/acpi-pm.ts';
import { ApicBus } from '../../src/devices/apic-bus.ts';
import { ConsolePort } from '../../src/devices/console-port.ts';
import { DebugExit } from '../../src/devices/debug-exit.ts';
import { type DmaMemory, FwCfg } from '../../src/devices/fw-cfg.ts';
import { FwCfgItems, FwCfgKey } from '../../src/devices/fw-cfg-items.ts';
import { I8042 } from '../../src/devices/i8042.ts';
import { IoApic } from '../../src/devices/io-apic.ts';
import { KEYS, type Key } from '../../src/devices/keys.ts';
import { LocalApic } from '../../src/devices/local-apic.ts';
import { Pic } from '../../src/devices/pic.ts';
import { Pit } from '../../src/devices/pit.ts';
import { Port61 } from '../../src/devices/port61.ts';
import { Port92 } from '../../src/devices/port92.ts';
import { Rtc, rtcSetTo } from '../../src/devices/rtc.ts';
import { Uart16550 } from '../../src/devices/uart16550.ts';
import { VGA_PORTS, Vga } from '../../src/devices/vga.ts';
import type { PortSize } from '../../src/machine/bus.ts';
import { IrqLine, WiredOr } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const APIC = 0xfee00000n;
const APIC_TIMER = APIC + 0x380n; // initial count
const IO_APIC = 0xfec00000n;
const KEY_NAMES = Object.keys(KEYS) as Key[];

/** RAM for DMA. */
class Ram implements DmaMemory {
  readonly bytes: Uint8Array;

  constructor(from?: Ram) {
    this.bytes = from ? from.bytes.slice() : new Uint8Array(4096);
  }
  get size(): number {
    return this.bytes.length;
  }
  read(at: number, length: number): Uint8Array {
    return this.bytes.slice(at, at + length);
  }
  write(at: number, data: Uint8Array): void {
    this.bytes.set(data, at);
  }
  fill(at: number, length: number, value: number): void {
    this.bytes.fill(value, at, at + length);
  }
}

class Board extends Rig {
  readonly log: string[] = [];
  intr = false;
  readonly ram: Ram;
  readonly localApic: LocalApic;
  readonly ioApic: IoApic;
  readonly pic: Pic;
  readonly pit: Pit;
  readonly rtc: Rtc;
  readonly port61: Port61;
  readonly port92: Port92;
  readonly i8042: I8042;
  readonly com1: Uart16550;
  readonly acpiPm: AcpiPm;
  readonly vga: Vga;
  readonly fwCfg: FwCfg;

  constructor(from?: Board) {
    super(from?.now);
    const { clock, bus } = this;
    const note = (text: string): void => {
      this.log.push(`${this.now} ${text}`);
    };
    const gate = new WiredOr((level) => note(`a20 ${level}`));
    const reset = () => note('reset');
    const apicBus = new ApicBus();
    const apic = {
      id: 0,
      clock,
      processor: this.#processor(note),
      bus: apicBus,
      acknowledgePic: () => this.pic.acknowledge(),
      init: () => note('init'),
      hasTscDeadline: true,
    };
    this.localApic = from ? LocalApic.restore(apic, from.localApic.save()) : new LocalApic(apic);
    const io = { bus: apicBus };
    this.ioApic = from ? IoApic.restore(io, from.ioApic.save()) : new IoApic(io);
    const lint0 = this.localApic.lint[0];
    this.pic = from ? Pic.restore(lint0, from.pic.save()) : new Pic(lint0);
    const line = (irq: number) =>
      new IrqLine((level) => {
        this.pic.line(irq).set(level);
        this.ioApic.line(irq).set(level);
      });
    const [pit, kbd, com, rtc] = [
      { clock, irq: line(0) },
      { irq: line(1), a20: gate.input(), reset },
      { clock, irq: line(4), transmit: (byte: number) => note(`com1 ${byte}`) },
      { clock, irq: line(8) },
    ];
    this.pit = from ? Pit.restore(pit, from.pit.save()) : new Pit(pit);
    this.rtc = Rtc.restore(rtc, from ? from.rtc.save() : rtcSetTo(Date.UTC(1999, 11, 31, 23, 59)));
    const portB = { clock, pit: this.pit };
    this.port61 = from ? Port61.restore(portB, from.port61.save()) : new Port61(portB);
    this.i8042 = from ? I8042.restore(kbd, from.i8042.save()) : new I8042(kbd);
    const portA = { a20: gate.input(), reset };
    this.port92 = from ? Port92.restore(portA, from.port92.save()) : new Port92(portA);
    this.com1 = from ? Uart16550.restore(com, from.com1.save()) : new Uart16550(com);
    const pm = { clock, sci: line(9), powerOff: () => note('off') };
    this.acpiPm = from ? AcpiPm.restore(pm, from.acpiPm.save()) : new AcpiPm(pm);
    this.vga = from ? Vga.restore({ clock }, from.vga.save()) : new Vga({ clock });
    this.ram = new Ram(from?.ram);
    const config = { items: items(), memory: this.ram };
    this.fwCfg = from ? FwCfg.restore(config, from.fwCfg.save()) : new FwCfg(config);
    bus.mapMmio(APIC, 0x1000n, this.localApic);
    bus.mapMmio(IO_APIC, 0x1000n, this.ioApic);
    bus.mapPorts(0x20, 2, this.pic.master);
    bus.mapPorts(0xa0, 2, this.pic.slave);
    bus.mapPorts(0x4d0, 2, this.pic.elcr);
    bus.mapPorts(0x40, 4, this.pit);
    bus.mapPorts(0x60, 1, this.i8042.dataPort);
    bus.mapPorts(0x61, 1, this.port61);
    bus.mapPorts(0x64, 1, this.i8042.commandPort);
    bus.mapPorts(0x70, 2, this.rtc);
    bus.mapPorts(0x92, 1, this.port92);
    bus.mapPorts(0xb2, 2, this.acpiPm.apmPorts);
    bus.mapPorts(0x3b0, VGA_PORTS, this.vga);
    bus.mapPorts(0x3f8, 8, this.com1);
    bus.mapPorts(0x510, 2, this.fwCfg.dataPorts);
    bus.mapPorts(0x514, 8, this.fwCfg.dmaPorts);
    bus.mapPorts(0x600, 4, this.acpiPm.eventPorts);
    bus.mapPorts(0x604, 2, this.acpiPm.controlPorts);
    bus.mapPorts(0x608, 4, this.acpiPm.timerPorts);
    bus.mapPorts(0xe9, 1, new ConsolePort((byte) => note(`console ${byte}`)));
    bus.mapPorts(0xf4, 4, new DebugExit((status) => note(`exit ${status}`)));
    if (!from) this.#boot();
    this.log.length = 0;
  }

  #processor(note: (text: string) => void) {
    return {
      setInterruptLine: (level: boolean) => {
        if (level !== this.intr) note(`intr ${level}`);
        this.intr = level;
      },
      raiseNmi: () => note('nmi'),
      taskPriority: 0,
      tscDeadline: 0n,
      tsc: 0n,
    };
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
    this.bus.writeMmio(APIC + 0xf0n, 4, 0x1ffn);
    this.bus.writeMmio(APIC + 0x350n, 4, 0x8700n);
    for (const pin of [0, 1, 4, 8, 9]) {
      this.bus.writeMmio(IO_APIC, 4, BigInt(0x10 + 2 * pin));
      this.bus.writeMmio(IO_APIC + 0x10n, 4, BigInt(0x40 + pin * 8 + (pin & 1) * 0x8000));
    }
  }

  run(steps: readonly Step[]): number[] {
    return steps.map(({ place, size, value, write, ns }) => {
      this.pass(BigInt(ns));
      if (value % 5 === 0) this.com1.receive(value & 0xff);
      if (value % 7 === 0) this.#press(value);
      if (value % 3 === 0 && this.intr) return this.localApic.acknowledge();
      const truncated = value % 2 ** (8 * size);
      if (typeof place === 'bigint') {
        if (!write) return Number(this.bus.readMmio(place, size));
        // A timer of a few nanoseconds would have this test wait for a million interrupts.
        const value32 = place === APIC_TIMER && truncated > 0 ? truncated | 0x4000 : truncated;
        this.bus.writeMmio(place, size, BigInt(value32 >>> 0));
      } else {
        if (!write) return this.bus.readPort(place, size);
        this.bus.writePort(place, size, truncated);
      }
      return 0;
    });
  }

  #press(value: number): void {
    this.i8042.moveKey(KEY_NAMES[value % KEY_NAMES.length] ?? 'KeyA', value % 2 === 0);
  }

  save(): unknown {
    const { localApic, ioApic, pic, pit, rtc, port61, i8042, port92 } = this;
    const { com1, acpiPm, vga, fwCfg, ram } = this;
    const parts = [localApic, ioApic, pic, pit, rtc, port61, i8042, port92];
    const saved = [...parts, com1, acpiPm, vga, fwCfg].map((part) => part.save());
    return [...saved, Buffer.from(ram.bytes).toString('hex')];
  }
}

function items(): FwCfgItems {
  const all = new FwCfgItems();
  all.set(FwCfgKey.SIGNATURE, new TextEncoder().encode('QEMU'));
  all.setFile('opt/x', new Uint8Array(300).fill(1));
  return all;
}

const PLACES = [
  [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1],
  [0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x64, 0x70, 0x71, 0x92],
  [0xe9, 0xf4, 0xf6, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff],
  [0xb2, 0x510, 0x511, 0x514, 0x518, 0x600, 0x602, 0x604, 0x608],
  [0x3b4, 0x3b5, 0x3c0, 0x3c1, 0x3c2, 0x3c7, 0x3c8, 0x3c9, 0x3ce, 0x3cf, 0x3d4, 0x3d5, 0x3da],
  [0x20, 0x80, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x300, 0x310, 0x320, 0x350, 0x360, 0x370].map(
    (register) => APIC + BigInt(register),
  ),
  [0x380, 0x390, 0x3e0, 0x3f0].map((register) => APIC + BigInt(register)),
  [IO_APIC, IO_APIC + 0x10n, IO_APIC + 0x10n, IO_APIC + 0x40n],
].flat();

const step = fc.record({
  place: fc.constantFrom(...PLACES),
  size: fc.constantFrom<PortSize>(1, 1, 2, 4, 4),
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
        copy.intr = board.intr;
        board.log.length = 0;
        expect(copy.run(after)).toEqual(board.run(after));
        expect(copy.log).toEqual(board.log);
        expect(copy.save()).toEqual(board.save());
      }),
      { numRuns: 300 },
    );
  });
});
