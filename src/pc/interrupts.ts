/**
 * The interrupt system of a PC: the 8259 pair, the I/O APIC and the processor's local APIC, side by side.
 * An interrupt request line reaches both controllers, and software chooses by what it masks. As in
 * QEMU's board, line n is pin n of the I/O APIC but for line 0, the timer, which is pin 2; the output
 * of the 8259 pair goes to LINT0 and, as the Intel MultiProcessor Specification has it, to pin 0.
 */

import { checkVersion, restored, type Versioned } from '../base/state.ts';
import { ApicBus } from '../devices/apic-bus.ts';
import { IoApic, type IoApicState } from '../devices/io-apic.ts';
import { LocalApic, type LocalApicState } from '../devices/local-apic.ts';
import { Pic, type PicState } from '../devices/pic.ts';
import { IrqLine } from '../machine/irq.ts';
import type { Machine } from '../machine/machine.ts';
import { Port } from './ports.ts';

/** Where the I/O APIC is. */
export const IO_APIC_BASE = 0xfec00000;
/** Where a local APIC is after a reset. */
export const LOCAL_APIC_BASE = 0xfee00000;
/** The I/O APIC's pin for line 0; the others have that of their number. */
export const TIMER_PIN = 2;
/** The line of ACPI events. */
export const SCI_IRQ = 9;

const PAGE = 0x1000n;
const PIC_PIN = 0;

/** CPUID.1:ECX, TSC-deadline mode. */
const TSC_DEADLINE = 'tsc_deadline_timer';

export interface InterruptsState extends Versioned {
  readonly localApic: LocalApicState;
  readonly ioApic: IoApicState;
  readonly pic: PicState;
}

const STATE_VERSION = 1;

/** All interrupt controllers, wired to a machine. */
export class Interrupts {
  readonly pic: Pic;
  readonly ioApic: IoApic;
  readonly localApic: LocalApic;

  constructor(machine: Machine, state?: InterruptsState) {
    if (state) checkVersion('the interrupt controllers', state, STATE_VERSION);
    const { clock, processor } = machine;
    const bus = new ApicBus();
    const localApic = {
      id: 0,
      clock,
      processor,
      bus,
      acknowledgePic: () => this.pic.acknowledge(),
      init: () => machine.stop({ kind: 'reset', by: 'an INIT interrupt' }),
      hasTscDeadline: processor.features.has(TSC_DEADLINE),
    };
    this.localApic = restored(LocalApic, localApic, state?.localApic);
    this.ioApic = restored(IoApic, { bus }, state?.ioApic);
    const intr = both(this.localApic.lint[0], this.ioApic.line(PIC_PIN));
    this.pic = restored(Pic, intr, state?.pic);
    machine.connectApic(this.localApic, () => this.localApic.passesIf || this.ioApic.passesIf);
    machine.bus.mapMmio(BigInt(IO_APIC_BASE), PAGE, this.ioApic);
    machine.bus.mapPorts(Port.PIC1, 2, this.pic.master);
    machine.bus.mapPorts(Port.PIC2, 2, this.pic.slave);
    machine.bus.mapPorts(Port.ELCR, 2, this.pic.elcr);
  }

  save(): InterruptsState {
    return {
      version: STATE_VERSION,
      localApic: this.localApic.save(),
      ioApic: this.ioApic.save(),
      pic: this.pic.save(),
    };
  }

  /** The interrupt request line `irq` of the ISA bus, 0 to 15 without 2. */
  line(irq: number): IrqLine {
    return both(this.pic.line(irq), this.ioApic.line(pinOf(irq)));
  }

  /** A request on line `irq` would get through one of the controllers. */
  hears(irq: number): boolean {
    return this.pic.hears(irq) || this.ioApic.hears(pinOf(irq));
  }
}

/** The I/O APIC's pin for an interrupt request line. */
function pinOf(irq: number): number {
  return irq === 0 ? TIMER_PIN : irq;
}

/** A line that drives two. */
function both(first: IrqLine, second: IrqLine): IrqLine {
  return new IrqLine((level) => {
    first.set(level);
    second.set(level);
  });
}
