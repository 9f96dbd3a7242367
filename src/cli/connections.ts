/**
 * What a guest's devices are connected to: COM1 to stdio, a file or nothing, the display and the keyboard to the
 * terminal or nothing, port 0xe9 to stdout. A run goes on between opening and closing them.
 */

import { isatty } from 'node:tty';
import type { Board, ByteSink } from '../index.ts';
import { type Display, openDisplay, parseDisplay } from './display.ts';
import { type DriveEnd, drive } from './drive.ts';
import { type InputTarget, KeyboardInput, SerialInput } from './input-target.ts';
import { Leaving } from './leaving.ts';
import { ByteWriter, type SerialTarget, serialTarget } from './serial-output.ts';
import { PipedInput, Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

const STDIN = 0;

/** The options `--serial` and `--display`. */
export interface ConnectionOptions {
  readonly serial: string | undefined;
  readonly display: string;
}

/** The host's side of a guest's devices. */
export class Connections {
  readonly com1: ByteSink;
  readonly console: ByteSink;
  readonly #serial: SerialTarget;
  readonly #display: Display;
  readonly #console: ByteWriter;
  readonly #leaving = new Leaving();
  /** Where stdin goes; undefined while it goes nowhere. */
  readonly #target: ((pc: Board) => InputTarget) | undefined;

  constructor(options: ConnectionOptions) {
    const displayName = parseDisplay(options.display);
    const stdout = new ByteWriter((bytes) => process.stdout.write(bytes));
    const hasDisplay = displayName !== 'none';
    if (hasDisplay && options.serial === 'stdio') {
      throw new UsageError('--serial stdio: the display and the keyboard have the terminal');
    }
    const serial = serialTarget(options.serial ?? (hasDisplay ? 'null' : 'stdio'), stdout);
    this.#serial = serial;
    this.#display = openDisplay(displayName);
    this.#console = hasDisplay ? besideDisplay() : stdout;
    this.com1 = (byte) => serial.writer.put(byte);
    this.console = (byte) => this.#console.put(byte);
    if (hasDisplay) this.#target = (pc) => new KeyboardInput(pc);
    else if (serial.isStdio) this.#target = (pc) => new SerialInput(pc);
  }

  /** Opens everything, runs `pc` to its end and closes everything, also when something fails. */
  async drive(pc: Board): Promise<DriveEnd> {
    this.#serial.open();
    const target = this.#target?.(pc);
    const input = target && this.#openInput(target);
    this.#display.open();
    this.#leaving.listen();
    try {
      return await drive(pc, input, target, this.#leaving, () => this.#flush(pc));
    } finally {
      this.#leaving.close();
      input?.close();
      this.#display.close(pc);
      this.#flush(pc);
      this.#serial.close();
    }
  }

  /** Connects stdin. */
  #openInput(target: InputTarget): Terminal | PipedInput {
    if (!isatty(STDIN)) {
      target.openInput();
      return new PipedInput();
    }
    const type = (bytes: Uint8Array) => {
      this.#display.resume();
      target.receive(bytes);
    };
    const leave = () => this.#leaving.ask('left with Ctrl-A x');
    return new Terminal(type, leave, (message) => this.#display.interrupt(message));
  }

  #flush(pc: Board): void {
    this.#display.refresh(pc);
    this.#serial.writer.flush();
    this.#console.flush();
  }
}

/** Port 0xe9 would write over the display: what it says goes to stderr, if that is not the same terminal. */
function besideDisplay(): ByteWriter {
  return new ByteWriter((bytes) => {
    if (!process.stderr.isTTY) process.stderr.write(bytes);
  });
}
