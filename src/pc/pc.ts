/**
 * A PC: the machine with the devices of an AT at their usual ports, the debug-exit port of QEMU and
 * the console port of Bochs. COM1 is the terminal.
 *
 * DIVERGES: the A20 gate can be driven and read back, but address bit 20 is never masked: only
 * real-mode code would notice, and firmware enables it anyway.
 * DIVERGES: a reset that the guest asks for ends the run, as QEMU's -no-reboot.
 */

import { checkVersion, restored, type Versioned } from '../base/state.ts';
import { ConsolePort } from '../devices/console-port.ts';
import { DebugExit } from '../devices/debug-exit.ts';
import { I8042, type I8042State } from '../devices/i8042.ts';
import { Pit, type PitState } from '../devices/pit.ts';
import { Port61, type Port61State } from '../devices/port61.ts';
import { Port92, type Port92State } from '../devices/port92.ts';
import { ResetControl } from '../devices/reset-control.ts';
import { Rtc, type RtcState, rtcSetTo } from '../devices/rtc.ts';
import { Uart16550, type Uart16550State } from '../devices/uart16550.ts';
import { WiredOr } from '../machine/irq.ts';
import { Machine, type MachineOptions, type MachineState } from '../machine/machine.ts';
import { enterVirtualWireMode, fillCmos } from './firmware.ts';
import { Interrupts, type InterruptsState } from './interrupts.ts';
import { SerialPort, type SerialPortState } from './serial-port.ts';

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

/** A whole PC between two steps, in memory: plain data. */
export interface PcState extends Versioned {
  readonly machine: MachineState;
  readonly interrupts: InterruptsState;
  readonly pit: PitState;
  readonly rtc: RtcState;
  readonly port61: Port61State;
  readonly keyboardController: I8042State;
  readonly port92: Port92State;
  readonly com1: SerialPortState;
  readonly com2: Uart16550State;
}

const STATE_VERSION = 1;

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

  /** `module` is the compiled processor (dist/trapline.wasm); `state` is for Pc.restore. */
  constructor(module: WebAssembly.Module, options: PcOptions = {}, state?: PcState) {
    const machine = state
      ? Machine.restore(module, options, state.machine)
      : new Machine(module, options);
    const { clock } = machine;
    this.machine = machine;
    this.interrupts = new Interrupts(machine, state?.interrupts);
    this.pit = restored(Pit, { clock, irq: this.interrupts.line(0) }, state?.pit);
    this.port61 = restored(Port61, { clock, pit: this.pit }, state?.port61);
    const rtc = { clock, irq: this.interrupts.line(8) };
    this.rtc = state
      ? Rtc.restore(rtc, state.rtc)
      : new Rtc(rtc, rtcSetTo(options.startDate ?? START_DATE));
    const a20 = new WiredOr(() => {});
    const keyboardController = {
      irq: this.interrupts.line(1),
      a20: a20.input(),
      reset: this.#resetBy('the keyboard controller'),
    };
    this.keyboardController = restored(I8042, keyboardController, state?.keyboardController);
    const port92 = { a20: a20.input(), reset: this.#resetBy('port 0x92') };
    this.port92 = restored(Port92, port92, state?.port92);
    const com1 = this.#uart(COM1.irq, options.com1, state?.com1.uart);
    const wait = (): void => machine.stop({ kind: 'input' });
    this.com1 = new SerialPort(com1, { clock, wait }, state?.com1);
    this.com2 = this.#uart(COM2.irq, options.com2, state?.com2);
    this.#mapPorts(options.console ?? ignore);
    if (state) return;
    enterVirtualWireMode(this.interrupts.localApic);
    fillCmos(this.rtc, machine.memory.size);
  }

  /** The whole PC, at an instruction boundary: not while a step runs. */
  save(): PcState {
    return {
      version: STATE_VERSION,
      machine: this.machine.save(),
      interrupts: this.interrupts.save(),
      pit: this.pit.save(),
      rtc: this.rtc.save(),
      port61: this.port61.save(),
      keyboardController: this.keyboardController.save(),
      port92: this.port92.save(),
      com1: this.com1.save(),
      com2: this.com2.save(),
    };
  }

  /** A PC that goes on from `state` as the saved one would; sinks and limits are the options'. */
  static restore(
    module: WebAssembly.Module,
    options: Omit<PcOptions, 'ramBytes' | 'features' | 'seed' | 'startDate'>,
    state: PcState,
  ): Pc {
    checkVersion('the PC', state, STATE_VERSION);
    return new Pc(module, options, state);
  }

  /** The guest sleeps in HLT, and a byte on COM1 would wake it up. */
  get sleepsForInput(): boolean {
    return this.machine.sleepsForInterrupt && this.com1.wantsInterrupts;
  }

  #resetBy(by: string): () => void {
    return () => this.machine.stop({ kind: 'reset', by });
  }

  #uart(irq: number, transmit: ByteSink = ignore, state?: Uart16550State): Uart16550 {
    const deps = { clock: this.machine.clock, irq: this.interrupts.line(irq), transmit };
    return restored(Uart16550, deps, state);
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
