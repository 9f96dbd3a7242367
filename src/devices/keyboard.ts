/**
 * The serial side of a PS/2 keyboard without a key pressed (IBM PS/2 Keyboard and Auxiliary Device
 * Controller, Keyboard commands): it resets, says what it is and acknowledges, which is what a
 * driver that probes asks for.
 */

const ACK = 0xfa;
const RESEND = 0xfe;
const ECHO = 0xee;
const SELF_TEST_PASSED = 0xaa;
const DEVICE_ID = [0xab, 0x83] as const;
const FIRST_COMMAND = 0xed; // from here on a byte is a command, even where a parameter is due
const QUEUE_DEPTH = 16;
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
