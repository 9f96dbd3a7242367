/**
 * A PC: the machine with the devices of an AT at their usual ports, the debug-exit port of QEMU and
 * the console port of Bochs. COM1 is the terminal.
 *
 * DIVERGES: the A20 gate can be driven and read back, but address bit 20 is never masked: only
 * real-mode code would notice, and firmware enables it anyway.
 * DIVERGES: a reset that the guest asks for ends the run, as QEMU's -no-reboot.
 */

import { ConsolePort } from '../devices/console-port.ts';
import { DebugExit } from '../devices/debug-exit.ts';
import { I8042 } from '../devices/i8042.ts';
import { Pit } from '../devices/pit.ts';
import { Port61 } from '../devices/port61.ts';
import { Port92 } from '../devices/port92.ts';
import { ResetControl } from '../devices/reset-control.ts';
import { Rtc, rtcSetTo } from '../devices/rtc.ts';
import { Uart16550 } from '../devices/uart16550.ts';
import { WiredOr } from '../machine/irq.ts';
import { Machine, type MachineOptions } from '../machine/machine.ts';
import { enterVirtualWireMode, fillCmos } from './firmware.ts';
import { Interrupts } from './interrupts.ts';
import { SerialPort } from './serial-port.ts';

/** Takes bytes that the guest sends. */
export type ByteSink = (byte: number) => void;

/** What a PC is connected to; a sink that is not given swallows its bytes. */
export interface PcOptions extends MachineOptions {
  readonly com1?: ByteSink;
  readonly com2?: ByteSink;
  /** Port 0xe9. */
  readonly console?: ByteSink;
  /** The date of the real-time clock at virtual time 0, in milliseconds since 1970 (UTC). */
  readonly startDate?: number;
}

const COM1 = { port: 0x3f8, irq: 4 } as const;
const COM2 = { port: 0x2f8, irq: 3 } as const;
const UART_PORTS = 8;

/** When virtual time starts unless it is said otherwise: every run has the same date. */
export const START_DATE = Date.UTC(2000, 0, 1);

const ignore: ByteSink = () => {};

/** The machine and the devices around it. */
export class Pc {
  readonly machine: Machine;
  readonly interrupts: Interrupts;
  readonly pit: Pit;
  readonly rtc: Rtc;
  readonly port61: Port61;
  readonly keyboardController: I8042;
  readonly port92: Port92;
  readonly com1: SerialPort;
  readonly com2: Uart16550;

  /** `module` is the compiled processor (dist/trapline.wasm). */
  constructor(module: WebAssembly.Module, options: PcOptions = {}) {
    const machine = new Machine(module, options);
    const { clock } = machine;
    this.machine = machine;
    this.interrupts = new Interrupts(machine);
    this.pit = new Pit({ clock, irq: this.interrupts.line(0) });
    this.port61 = new Port61({ clock, pit: this.pit });
    this.rtc = new Rtc(
      { clock, irq: this.interrupts.line(8) },
      rtcSetTo(options.startDate ?? START_DATE),
    );
    const a20 = new WiredOr(() => {});
    this.keyboardController = new I8042({
      irq: this.interrupts.line(1),
      a20: a20.input(),
      reset: this.#resetBy('the keyboard controller'),
    });
    this.port92 = new Port92({ a20: a20.input(), reset: this.#resetBy('port 0x92') });
    const com1 = this.#uart(COM1.irq, options.com1);
    this.com1 = new SerialPort(com1, { clock, wait: () => machine.stop({ kind: 'input' }) });
    this.com2 = this.#uart(COM2.irq, options.com2);
    this.#mapPorts(options.console ?? ignore);
    enterVirtualWireMode(this.interrupts.localApic);
    fillCmos(this.rtc, machine.memory.size);
  }

  /** The guest sleeps in HLT, and a byte on COM1 would wake it up. */
  get sleepsForInput(): boolean {
    return this.machine.sleepsForInterrupt && this.com1.wantsInterrupts;
  }

  #resetBy(by: string): () => void {
    return () => this.machine.stop({ kind: 'reset', by });
  }

  #uart(irq: number, transmit: ByteSink = ignore): Uart16550 {
    return new Uart16550({ clock: this.machine.clock, irq: this.interrupts.line(irq), transmit });
  }

  #mapPorts(console: ByteSink): void {
    const { bus } = this.machine;
    bus.mapPorts(0x40, 4, this.pit);
    bus.mapPorts(0x60, 1, this.keyboardController.dataPort);
    bus.mapPorts(0x61, 1, this.port61);
    bus.mapPorts(0x64, 1, this.keyboardController.commandPort);
    bus.mapPorts(0x70, 2, this.rtc);
    bus.mapPorts(0x92, 1, this.port92);
    bus.mapPorts(0xe9, 1, new ConsolePort(console));
    bus.mapPorts(0xf4, 4, new DebugExit((status) => this.machine.stop({ kind: 'exit', status })));
    bus.mapPorts(0xcf9, 1, new ResetControl(this.#resetBy('port 0xcf9')));
    bus.mapPorts(COM1.port, UART_PORTS, this.com1);
    bus.mapPorts(COM2.port, UART_PORTS, this.com2);
  }
}
