/**
 * The keyboard controller of a PC (IBM PS/2 Keyboard and Auxiliary Device Controller; Intel 8042):
 * self test, command byte, output port with A20 gate and processor reset, one keyboard. There is no
 * auxiliary port: its commands go unanswered, as on an AT. Commands take no virtual time, so the
 * input buffer is always empty. Ports 0x60 (data) and 0x64 (status, command), each 1 port wide:
 * other devices own those in between.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { IrqLine } from '../machine/irq.ts';
import { Keyboard, type KeyboardState } from './keyboard.ts';
import type { Key } from './keys.ts';
import { isRelease, toSet1, toSet1Release } from './scan-codes.ts';

const STATUS_OBF = 0x01; // output buffer full
const STATUS_SYS = 0x04; // self test passed
const STATUS_CMD = 0x08; // the last write went to port 0x64
const STATUS_UNLOCKED = 0x10; // keyboard lock open

const CONFIG_KBD_IRQ = 0x01;
const CONFIG_SYS = 0x04; // shown as STATUS_SYS
const CONFIG_KBD_OFF = 0x10; // keyboard clock held low
const CONFIG_AUX_OFF = 0x20;
const CONFIG_TRANSLATE = 0x40; // scan codes to set 1

const OUTPUT_RUN = 0x01; // low resets the processor
const OUTPUT_A20 = 0x02;
const OUTPUT_OBF = 0x10; // IRQ 1
const INPUT_PORT = 0x80; // keyboard lock open
const SELF_TEST_PASSED = 0x55;
const INTERFACE_OK = 0x00;

/**
 * What the controller is wired to. `reset` resets the machine, `a20` is one driver of the A20 gate.
 */
export interface I8042Deps {
  readonly irq: IrqLine;
  readonly a20: IrqLine;
  readonly reset: () => void;
}

/** State of the controller and its keyboard. */
export interface I8042State {
  version: 1;
  /** ram[32]: u8, the controller's memory; byte 0 is the command byte. */
  ram: number[];
  outputPort: number;
  /** The output buffer; a read of an empty one gives the last byte again. */
  data: number;
  full: boolean;
  /** An answer of the controller that waits for the output buffer. */
  reply: number | undefined;
  /** The command that waits for its data byte; 0 when none does. */
  command: number;
  lastWasCommand: boolean;
  /** Translating: the prefix of a release has come, and waits for its key. */
  released: boolean;
  keyboard: KeyboardState;
}

/** The command byte as firmware leaves it. */
const POWER_ON_CONFIG = CONFIG_KBD_IRQ | CONFIG_SYS | CONFIG_AUX_OFF | CONFIG_TRANSLATE;

const POWER_ON: Omit<I8042State, 'keyboard'> & { keyboard: undefined } = {
  version: 1,
  ram: [POWER_ON_CONFIG],
  outputPort: 0xcf,
  data: 0,
  full: false,
  reply: undefined,
  command: 0,
  lastWasCommand: false,
  released: false,
  keyboard: undefined,
};

/** The 8042 with its keyboard. */
export class I8042 {
  /** Port 0x60. */
  readonly dataPort: PortDevice;
  /** Port 0x64. */
  readonly commandPort: PortDevice;
  readonly #deps: I8042Deps;
  readonly #ram: Uint8Array;
  readonly #keyboard: Keyboard;
  readonly #state: Omit<I8042State, 'ram' | 'keyboard'>;

  constructor(deps: I8042Deps, state?: I8042State) {
    const { ram, keyboard, ...rest } = state ?? POWER_ON;
    this.#deps = deps;
    this.#state = { ...rest };
    this.#ram = new Uint8Array(32);
    this.#ram.set(ram);
    this.#keyboard = new Keyboard(keyboard);
    this.dataPort = {
      widestPort: 1,
      readPort: () => this.#readData(),
      writePort: (_offset, _size, value) => this.#writeData(value),
    };
    this.commandPort = {
      widestPort: 1,
      readPort: () => this.#status(),
      writePort: (_offset, _size, value) => this.#writeCommand(value),
    };
    this.#update();
  }

  save(): I8042State {
    return { ...this.#state, ram: [...this.#ram], keyboard: this.#keyboard.save() };
  }

  static restore(deps: I8042Deps, state: I8042State): I8042 {
    checkVersion('i8042', state, 1);
    return new I8042(deps, state);
  }

  /** A key of the keyboard goes down, or up. */
  moveKey(key: Key, isDown: boolean): void {
    this.#keyboard.move(key, isDown);
    this.#fill();
  }

  /** Bytes of the keyboard that have not reached the output buffer. */
  get waitingCount(): number {
    return this.#keyboard.waitingCount;
  }

  get #config(): number {
    return this.#ram[0] ?? 0;
  }

  set #config(value: number) {
    this.#ram[0] = value;
  }

  #status(): number {
    const { full, lastWasCommand } = this.#state;
    const sys = this.#config & CONFIG_SYS ? STATUS_SYS : 0;
    const command = lastWasCommand ? STATUS_CMD : 0;
    return STATUS_UNLOCKED | sys | command | (full ? STATUS_OBF : 0);
  }

  #readData(): number {
    const { data } = this.#state;
    this.#state.full = false;
    // IRQ 1 falls even if another byte is ready, so that an edge is seen for it.
    this.#update();
    this.#fill();
    return data;
  }

  #writeCommand(command: number): void {
    this.#state.lastWasCommand = true;
    this.#state.command = 0;
    this.#state.reply = this.#begin(command) ?? this.#state.reply;
    this.#fill();
  }

  /** Starts a command and gives the controller's answer to it, if it has one. */
  #begin(command: number): number | undefined {
    if (command >= 0xf0) this.#pulse(command);
    else if (command >= 0x20 && command < 0x40) return this.#ram[command & 0x1f];
    else if (command >= 0x60 && command < 0x80) this.#state.command = command;
    else return this.#control(command);
    return undefined;
  }

  #control(command: number): number | undefined {
    switch (command) {
      case 0xaa: // self test
        this.#config |= CONFIG_SYS;
        return SELF_TEST_PASSED;
      case 0xab: // keyboard interface test
        return INTERFACE_OK;
      case 0xad: // keyboard off
        this.#config |= CONFIG_KBD_OFF;
        break;
      case 0xae: // keyboard on
        this.#config &= ~CONFIG_KBD_OFF;
        break;
      case 0xc0: // read input port
        return INPUT_PORT;
      case 0xd0: // read output port
        return this.#outputPort();
      case 0xd1: // write output port
      case 0xd2: // write output buffer
        this.#state.command = command;
        break;
      case 0xdd: // A20 off
      case 0xdf: // A20 on
        this.#writeOutputPort((this.#state.outputPort & ~OUTPUT_A20) | (command & OUTPUT_A20));
        break;
      default:
    }
    return undefined;
  }

  /** Pulses those of output port bits 3:0 low that are clear in the command: 0xfe resets. */
  #pulse(command: number): void {
    if ((command & OUTPUT_RUN) === 0) this.#deps.reset();
  }

  #writeData(value: number): void {
    const { command } = this.#state;
    this.#state.lastWasCommand = false;
    this.#state.command = 0;
    if (command === 0) {
      this.#config &= ~CONFIG_KBD_OFF;
      this.#keyboard.write(value);
    } else if (command === 0xd1) this.#writeOutputPort(value);
    else if (command === 0xd2) this.#state.reply = value;
    else this.#ram[command & 0x1f] = value;
    this.#fill();
  }

  #outputPort(): number {
    const { outputPort, full } = this.#state;
    return (outputPort & ~OUTPUT_OBF) | (full ? OUTPUT_OBF : 0);
  }

  #writeOutputPort(value: number): void {
    this.#state.outputPort = value | OUTPUT_RUN;
    if ((value & OUTPUT_RUN) === 0) this.#deps.reset();
  }

  /**
   * Moves the next byte into the output buffer: the controller's answer first, then the keyboard's.
   */
  #fill(): void {
    const state = this.#state;
    if (!state.full) {
      const byte = state.reply ?? this.#takeFromKeyboard();
      state.reply = undefined;
      state.full = byte !== undefined;
      state.data = byte ?? state.data;
    }
    this.#update();
  }

  #takeFromKeyboard(): number | undefined {
    const byte = this.#config & CONFIG_KBD_OFF ? undefined : this.#keyboard.take();
    if (byte === undefined || (this.#config & CONFIG_TRANSLATE) === 0) return byte;
    if (isRelease(byte)) {
      this.#state.released = true;
      return this.#takeFromKeyboard();
    }
    const translated = this.#state.released ? toSet1Release(byte) : toSet1(byte);
    this.#state.released = false;
    return translated;
  }

  #update(): void {
    this.#deps.irq.set(this.#state.full && (this.#config & CONFIG_KBD_IRQ) !== 0);
    this.#deps.a20.set((this.#state.outputPort & OUTPUT_A20) !== 0);
  }
}
