/**
 * The keyboard with somebody who types on it. What is typed waits here until the keyboard has room, so
 * nothing is lost that comes faster than the guest reads. Live input (a terminal) is typed when it comes: `type`.
 * Any other input is asked for when the guest listens (asked-input.ts), and comes by `supply`. The guest
 * listens when it reads the status without finding a byte, or when line 1 would interrupt it.
 */

import { checkVersion, type Versioned } from '../base/state.ts';
import type { I8042 } from '../devices/i8042.ts';
import type { Key } from '../devices/keys.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import { AskedInput, type AskedInputState, type Hearing } from './asked-input.ts';
import type { KeyStroke } from './us-layout.ts';

const STATUS_OBF = 0x01; // there is a byte to read

/** A key that goes down or up. */
export interface KeyMove {
  readonly key: Key;
  readonly isDown: boolean;
}

/** What the typist depends on. `hears` tells when an interrupt of the keyboard would be taken. */
export interface KeyboardPortDeps {
  readonly clock: Clock;
  readonly wait: () => void;
  readonly hears: () => Hearing;
}

export interface KeyboardPortState extends Versioned {
  readonly input: AskedInputState;
  /** What has been typed and has not reached the keyboard. */
  readonly waiting: readonly KeyMove[];
}

const STATE_VERSION = 1;

/** The ports of the keyboard controller, and a typist. */
export class KeyboardPort {
  /** Port 0x60. A byte that is read makes room for the next key. */
  readonly dataPort: PortDevice;
  /** Port 0x64. */
  readonly commandPort: PortDevice;
  readonly #controller: I8042;
  readonly #input: AskedInput;
  readonly #waiting: KeyMove[];

  /** `controller` is restored already where there is a state. */
  constructor(
    controller: I8042,
    { clock, wait, hears }: KeyboardPortDeps,
    state?: KeyboardPortState,
  ) {
    if (state) checkVersion('the keyboard port', state, STATE_VERSION);
    this.#controller = controller;
    this.#waiting = [...(state?.waiting ?? [])];
    const isBusy = () => this.#waiting.length > 0 || controller.waitingCount > 0;
    this.#input = new AskedInput({ clock, wait, hears, isBusy }, state?.input);
    this.dataPort = this.#watched(controller.dataPort, () => this.#input.touched());
    this.commandPort = this.#watched(controller.commandPort, (status) =>
      this.#input.looked((status & STATUS_OBF) !== 0),
    );
  }

  save(): KeyboardPortState {
    return { version: STATE_VERSION, input: this.#input.save(), waiting: [...this.#waiting] };
  }

  /** Presses the keys that are held, then the key, and lets them go. */
  type({ key, shift, control, alt }: KeyStroke): void {
    const held: Key[] = [];
    if (control) held.push('ControlLeft');
    if (alt) held.push('AltLeft');
    if (shift) held.push('ShiftLeft');
    const pressed = [...held, key];
    this.#waiting.push(...pressed.map((each) => ({ key: each, isDown: true })));
    this.#waiting.push(...pressed.reverse().map((each) => ({ key: each, isDown: false })));
    this.#feed();
  }

  /** Announces an input that is to be asked for; without one nothing ever is. */
  openInput(): void {
    this.#input.open();
  }

  /** What the next piece of the input types, undefined at its end. */
  supply(strokes: readonly KeyStroke[] | undefined): void {
    for (const stroke of strokes ?? []) this.type(stroke);
    this.#input.answer(strokes === undefined);
  }

  #watched(port: PortDevice, wasRead: (value: number) => void): PortDevice {
    return {
      widestPort: 1,
      readPort: (offset, size) => {
        const value = port.readPort(offset, size);
        this.#feed();
        wasRead(value);
        return value;
      },
      writePort: (offset, size, value) => {
        port.writePort(offset, size, value);
        this.#input.touched();
      },
    };
  }

  /** Moves the next key once the codes of the one before have left the keyboard. */
  #feed(): void {
    while (this.#waiting.length > 0 && this.#controller.waitingCount === 0) {
      const move = this.#waiting.shift();
      if (move !== undefined) this.#controller.moveKey(move.key, move.isDown);
    }
  }
}
