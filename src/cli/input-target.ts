/** Where stdin goes: to COM1 as bytes, or to the keyboard as keys. */

import type { Board, GuestBoard } from '../index.ts';
import { KeyDecoder } from './key-decoder.ts';

/** Takes input for the guest. */
export interface InputTarget {
  /** Something was typed on the terminal. */
  receive(bytes: Uint8Array): void;
  /** Announces an input that is not a terminal. */
  openInput(): void;
  /** The byte of that input for which the run was stopped, undefined at its end. */
  supply(byte: number | undefined): void;
  /** The guest sleeps, and input would wake it up. */
  readonly sleeps: boolean;
}

/** Stdin is the far end of COM1. */
export class SerialInput implements InputTarget {
  readonly #pc: GuestBoard;

  constructor(pc: GuestBoard) {
    this.#pc = pc;
  }

  receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.#pc.com1.receive(byte);
  }

  openInput(): void {
    this.#pc.com1.openInput();
  }

  supply(byte: number | undefined): void {
    this.#pc.com1.supply(byte);
  }

  get sleeps(): boolean {
    return this.#pc.sleepsForInput;
  }
}

/** What comes on stdin is typed on the keyboard. */
export class KeyboardInput implements InputTarget {
  readonly #pc: Board;
  readonly #decoder = new KeyDecoder();

  constructor(pc: Board) {
    this.#pc = pc;
  }

  receive(bytes: Uint8Array): void {
    for (const stroke of this.#decoder.decode(bytes, true)) this.#pc.keyboard.type(stroke);
  }

  openInput(): void {
    this.#pc.keyboard.openInput();
  }

  supply(byte: number | undefined): void {
    const { keyboard } = this.#pc;
    if (byte !== undefined) keyboard.supply(this.#decoder.decode(Uint8Array.of(byte), false));
    else {
      keyboard.supply(this.#decoder.decode(new Uint8Array(), true));
      keyboard.supply(undefined);
    }
  }

  get sleeps(): boolean {
    return this.#pc.sleepsForKey;
  }
}
