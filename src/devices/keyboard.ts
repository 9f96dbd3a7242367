/**
 * A PS/2 keyboard (IBM PS/2 Hardware Interface Technical Reference, Keyboard): its commands, and what
 * its keys send in scan code sets 1, 2 and 3. Keys do not repeat: whoever presses them does that.
 */
import { KEYS, type Key } from './keys.ts';
import { sequenceToSet1 } from './scan-codes.ts';

const ACK = 0xfa;
const RESEND = 0xfe;
const ECHO = 0xee;
const SELF_TEST_PASSED = 0xaa;
const DEVICE_ID = [0xab, 0x83] as const;
const FIRST_COMMAND = 0xed; // from here on a byte is a command, even where a parameter is due
const QUEUE_DEPTH = 16;
const OVERRUN = 0x00; // the buffer was full; 0xff in set 1
const OVERRUN_SET1 = 0xff;
const RELEASE = 0xf0;
const DEFAULT_SCAN_SET = 2;

/** State of the keyboard. */
export interface KeyboardState {
  /** Bytes for the controller, oldest first. */
  queue: number[];
  /** The command that waits for its parameter; 0 when none does. */
  command: number;
  /** The byte sent last, for the resend command. */
  last: number;
  scanSet: number;
  leds: number;
  typematic: number;
  scanning: boolean;
}

const POWER_ON: KeyboardState = {
  queue: [],
  command: 0,
  last: 0,
  scanSet: DEFAULT_SCAN_SET,
  leds: 0,
  typematic: 0x2b,
  scanning: true,
};

/** A PS/2 keyboard. Part of the i8042, which saves it. */
export class Keyboard {
  readonly #state: KeyboardState;

  constructor(state: KeyboardState = POWER_ON) {
    this.#state = { ...state, queue: [...state.queue] };
  }

  save(): KeyboardState {
    return { ...this.#state, queue: [...this.#state.queue] };
  }

  /** The next byte for the controller, if there is one. */
  take(): number | undefined {
    const byte = this.#state.queue.shift();
    if (byte !== undefined) this.#state.last = byte;
    return byte;
  }

  /** Bytes that the controller has not taken yet. */
  get waitingCount(): number {
    return this.#state.queue.length;
  }

  /** A key goes down, or up. */
  move(key: Key, isDown: boolean): void {
    const { queue, scanning, scanSet } = this.#state;
    if (!scanning) return;
    const bytes = this.#scanCodes(key, isDown);
    if (queue.length + bytes.length <= QUEUE_DEPTH) queue.push(...bytes);
    else if (queue.length <= QUEUE_DEPTH) {
      // The last place is kept for this code, once.
      const overrun = scanSet === 1 ? OVERRUN_SET1 : OVERRUN;
      if (queue.at(-1) !== overrun) queue.push(overrun);
    }
  }

  #scanCodes(key: Key, isDown: boolean): readonly number[] {
    const codes = KEYS[key];
    const { scanSet } = this.#state;
    if (scanSet === 3) return isDown ? [codes.set3] : [RELEASE, codes.set3];
    const bytes = isDown ? codes.make : codes.break;
    return scanSet === 1 ? sequenceToSet1(bytes) : bytes;
  }

  /** A byte from the controller: a command, or the parameter of one. */
  write(byte: number): void {
    const { command } = this.#state;
    this.#state.command = 0;
    const isParameter = command !== 0 && byte < FIRST_COMMAND;
    this.#send(isParameter ? this.#parameter(command, byte) : this.#begin(byte));
  }

  /** Starts a command and gives the answer to it. */
  #begin(command: number): number[] {
    const state = this.#state;
    switch (command) {
      case 0xed: // set LEDs
      case 0xf0: // scan code set
      case 0xf3: // typematic rate
      case 0xfb: // a key of set 3: typematic only,
      case 0xfc: // make and break only,
      case 0xfd: // make only
        state.command = command;
        return [ACK];
      case 0xee: // echo
        return [ECHO];
      case 0xf2: // identify
        return [ACK, ...DEVICE_ID];
      case 0xf4: // enable scanning
        state.scanning = true;
        return [ACK];
      case 0xf5: // defaults, and disable scanning
      case 0xf6: // defaults
        this.#setDefaults(command === 0xf6);
        return [ACK];
      case 0xf7: // all keys of set 3: typematic only,
      case 0xf8: // make and break only,
      case 0xf9: // make only,
      case 0xfa: // typematic, make and break, as they are
        return [ACK];
      case 0xfe: // resend
        return [state.last];
      case 0xff: // reset
        this.#setDefaults(true);
        state.queue.length = 0;
        return [ACK, SELF_TEST_PASSED];
      default:
        return [RESEND];
    }
  }

  #parameter(command: number, value: number): number[] {
    const state = this.#state;
    if (command === 0xed) state.leds = value & 7;
    else if (command === 0xf3) state.typematic = value & 0x7f;
    else if (command !== 0xf0)
      state.command = command; // the key, of which there may be more
    else if (value === 0) return [ACK, state.scanSet];
    else if (value <= 3) state.scanSet = value;
    else return [RESEND];
    return [ACK];
  }

  #setDefaults(scanning: boolean): void {
    const { queue, last, leds } = this.#state;
    Object.assign(this.#state, POWER_ON, { queue, last, leds, scanning });
  }

  #send(bytes: number[]): void {
    const { queue } = this.#state;
    queue.push(...bytes.slice(0, QUEUE_DEPTH - queue.length));
  }
}
