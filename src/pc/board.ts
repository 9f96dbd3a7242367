/**
 * The board of a PC: a machine, bare or virtual, with the devices of an AT and of the PIIX4 at the ports where QEMU has them, the
 * debug-exit port of QEMU and the console port of Bochs. COM1 is the terminal.
 *
 * DIVERGES: the A20 gate can be driven and read back, but address bit 20 is never masked: only
 * real-mode code would notice, and firmware enables it anyway.
 * DIVERGES: a reset that the guest asks for ends the run, as QEMU's -no-reboot.
 */

import { restored } from '../base/state.ts';
import { AcpiPm, type AcpiPmState } from '../devices/acpi-pm.ts';
import { ConsolePort } from '../devices/console-port.ts';
import { DebugExit } from '../devices/debug-exit.ts';
import { FwCfg, type FwCfgState } from '../devices/fw-cfg.ts';
import { FwCfgItems, type FwCfgItemsState } from '../devices/fw-cfg-items.ts';
import { I8042, type I8042State } from '../devices/i8042.ts';
import { Pit, type PitState } from '../devices/pit.ts';
import { Port61, type Port61State } from '../devices/port61.ts';
import { Port92, type Port92State } from '../devices/port92.ts';
import { ResetControl } from '../devices/reset-control.ts';
import { Rtc, type RtcState, rtcSetTo } from '../devices/rtc.ts';
import { Uart16550, type Uart16550State } from '../devices/uart16550.ts';
import { VGA_PORTS, Vga, type VgaState } from '../devices/vga.ts';
import { WiredOr } from '../machine/irq.ts';
import type { Machine } from '../machine/machine.ts';
import type { Hearing } from './asked-input.ts';
import { installFirmware } from './firmware.ts';
import { machineItems } from './fw-cfg-contents.ts';
import type { GuestBoard } from './guest-board.ts';
import { Interrupts, type InterruptsState, SCI_IRQ } from './interrupts.ts';
import { KeyboardPort, type KeyboardPortState } from './keyboard-port.ts';
import { Port } from './ports.ts';
import { SerialPort, type SerialPortState } from './serial-port.ts';
import { readTextScreen, type TextScreen } from './text-screen.ts';

/** Takes bytes that the guest sends. */
export type ByteSink = (byte: number) => void;

/** What a board is connected to; a sink that is not given swallows its bytes. */
export interface BoardOptions {
  readonly com1?: ByteSink;
  readonly com2?: ByteSink;
  /** Port 0xe9. */
  readonly console?: ByteSink;
  /** The date of the real-time clock at virtual time 0, in milliseconds since 1970 (UTC). */
  readonly startDate?: number;
  /** Files of the firmware configuration device, beside those that every machine has. */
  readonly fwCfgFiles?: ReadonlyMap<string, Uint8Array>;
}

/** All devices between two steps: plain data. */
export interface BoardState {
  readonly interrupts: InterruptsState;
  readonly pit: PitState;
  readonly rtc: RtcState;
  readonly port61: Port61State;
  readonly keyboardController: I8042State;
  readonly keyboard: KeyboardPortState;
  readonly port92: Port92State;
  readonly com1: SerialPortState;
  readonly com2: Uart16550State;
  readonly acpiPm: AcpiPmState;
  readonly vga: VgaState;
  readonly fwCfgItems: FwCfgItemsState;
  readonly fwCfg: FwCfgState;
}

/** When virtual time starts unless it is said otherwise: every run has the same date. */
export const START_DATE = Date.UTC(2000, 0, 1);

const TIMER_IRQ = 0;
const KEYBOARD_IRQ = 1;
const COM2_IRQ = 3;
const COM1_IRQ = 4;
const RTC_IRQ = 8;
const UART_PORTS = 8;

const ignore: ByteSink = () => {};

/** The machine and the devices around it. */
export class Board implements GuestBoard {
  readonly machine: Machine;
  readonly interrupts: Interrupts;
  readonly pit: Pit;
  readonly port61: Port61;
  readonly rtc: Rtc;
  readonly keyboardController: I8042;
  readonly keyboard: KeyboardPort;
  readonly port92: Port92;
  readonly com1: SerialPort;
  readonly com2: Uart16550;
  readonly acpiPm: AcpiPm;
  readonly vga: Vga;
  /** What the guest reads through the firmware configuration device. */
  readonly fwCfgItems: FwCfgItems;
  readonly fwCfg: FwCfg;

  constructor(machine: Machine, options: BoardOptions = {}, state?: BoardState) {
    const { clock, memory } = machine;
    this.machine = machine;
    this.interrupts = new Interrupts(machine, state?.interrupts);
    const line = (irq: number) => this.interrupts.line(irq);
    this.pit = restored(Pit, { clock, irq: line(TIMER_IRQ) }, state?.pit);
    this.port61 = restored(Port61, { clock, pit: this.pit }, state?.port61);
    const date = state?.rtc ?? rtcSetTo(options.startDate ?? START_DATE);
    this.rtc = Rtc.restore({ clock, irq: line(RTC_IRQ) }, date);
    const a20 = new WiredOr(() => {});
    const keyboardController = {
      irq: line(KEYBOARD_IRQ),
      a20: a20.input(),
      reset: this.#resetBy('the keyboard controller'),
    };
    this.keyboardController = restored(I8042, keyboardController, state?.keyboardController);
    const wait = () => machine.stop({ kind: 'input' });
    const hears = () => this.#hears(KEYBOARD_IRQ);
    const typing = { clock, wait, hears };
    this.keyboard = new KeyboardPort(this.keyboardController, typing, state?.keyboard);
    const port92 = { a20: a20.input(), reset: this.#resetBy('port 0x92') };
    this.port92 = restored(Port92, port92, state?.port92);
    const com1 = { clock, irq: line(COM1_IRQ), transmit: options.com1 ?? ignore };
    const com2 = { clock, irq: line(COM2_IRQ), transmit: options.com2 ?? ignore };
    const uart = restored(Uart16550, com1, state?.com1.uart);
    this.com1 = new SerialPort(uart, { clock, wait }, state?.com1);
    this.com2 = restored(Uart16550, com2, state?.com2);
    const powerOff = () => machine.stop({ kind: 'off', by: 'ACPI' });
    this.acpiPm = restored(AcpiPm, { clock, sci: line(SCI_IRQ), powerOff }, state?.acpiPm);
    this.vga = restored(Vga, { clock }, state?.vga);
    this.fwCfgItems = state
      ? new FwCfgItems(state.fwCfgItems)
      : machineItems(memory.size, options.fwCfgFiles);
    this.fwCfg = restored(FwCfg, { items: this.fwCfgItems, memory }, state?.fwCfg);
    this.#mapPorts(options.console ?? ignore);
    if (!state) installFirmware(machine, this.interrupts.localApic, this.rtc);
  }

  /** All devices, at an instruction boundary: not while a step runs. */
  protected saveDevices(): BoardState {
    return {
      interrupts: this.interrupts.save(),
      pit: this.pit.save(),
      rtc: this.rtc.save(),
      port61: this.port61.save(),
      keyboardController: this.keyboardController.save(),
      keyboard: this.keyboard.save(),
      port92: this.port92.save(),
      com1: this.com1.save(),
      com2: this.com2.save(),
      acpiPm: this.acpiPm.save(),
      vga: this.vga.save(),
      fwCfgItems: this.fwCfgItems.save(),
      fwCfg: this.fwCfg.save(),
    };
  }

  /** The guest sleeps in HLT, and a byte on COM1 would wake it up. */
  get sleepsForInput(): boolean {
    return this.machine.sleepsForInterrupt && this.com1.wantsInterrupts;
  }

  /** The guest sleeps in HLT, and a key would wake it up. */
  get sleepsForKey(): boolean {
    return this.machine.sleepsForInterrupt && this.interrupts.hears(KEYBOARD_IRQ);
  }

  /** What the display shows; undefined in graphics mode. */
  get textScreen(): TextScreen | undefined {
    return readTextScreen(this.vga, this.machine.memory);
  }

  /** When an interrupt on line `irq` would be taken. */
  #hears(irq: number): Hearing {
    const { machine } = this;
    if (machine.takesInterrupts && this.interrupts.hears(irq)) return 'now';
    const mayWakeUp = !machine.sleeps || machine.clock.nextDeadline() !== undefined;
    return mayWakeUp ? 'later' : 'never';
  }

  #resetBy(by: string): () => void {
    return () => this.machine.stop({ kind: 'reset', by });
  }

  #mapPorts(console: ByteSink): void {
    const { bus } = this.machine;
    const exit = (status: number) => this.machine.stop({ kind: 'exit', status });
    bus.mapPorts(Port.PIT, 4, this.pit);
    bus.mapPorts(Port.KEYBOARD_DATA, 1, this.keyboard.dataPort);
    bus.mapPorts(Port.SYSTEM_B, 1, this.port61);
    bus.mapPorts(Port.KEYBOARD_COMMAND, 1, this.keyboard.commandPort);
    bus.mapPorts(Port.RTC, 2, this.rtc);
    bus.mapPorts(Port.SYSTEM_A, 1, this.port92);
    bus.mapPorts(Port.APM, 2, this.acpiPm.apmPorts);
    bus.mapPorts(Port.CONSOLE, 1, new ConsolePort(console));
    bus.mapPorts(Port.DEBUG_EXIT, 4, new DebugExit(exit));
    bus.mapPorts(Port.COM2, UART_PORTS, this.com2);
    bus.mapPorts(Port.VGA, VGA_PORTS, this.vga);
    bus.mapPorts(Port.COM1, UART_PORTS, this.com1);
    bus.mapPorts(Port.FW_CFG, 2, this.fwCfg.dataPorts);
    bus.mapPorts(Port.FW_CFG_DMA, 8, this.fwCfg.dmaPorts);
    bus.mapPorts(Port.PM1A_EVENT, 4, this.acpiPm.eventPorts);
    bus.mapPorts(Port.PM1A_CONTROL, 2, this.acpiPm.controlPorts);
    bus.mapPorts(Port.PM_TIMER, 4, this.acpiPm.timerPorts);
    bus.mapPorts(Port.RESET, 1, new ResetControl(this.#resetBy('port 0xcf9')));
  }
}
