/**
 * What a guest's devices are connected to: COM1 to stdio, a file or nothing, the display and the keyboard to the
 * terminal or nothing, port 0xe9 to stdout. A run goes on between opening and closing them.
 */

import { isatty } from 'node:tty';
import type { ByteSink, GuestBoard } from '../index.ts';
import { type Display, openDisplay, parseDisplay, withDisplay } from './display.ts';
import { type DriveEnd, DrivenGuest, drive, type Input } from './drive.ts';
import { FileInput } from './file-input.ts';
import { type InputTarget, KeyboardInput, SerialInput } from './input-target.ts';
import { Leaving } from './leaving.ts';
import { PipedInput } from './piped-input.ts';
import { ByteWriter, type SerialTarget, serialTarget, type Writer } from './serial-output.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export const STDIN = 0;

/** The options `--serial` and `--display`. */
export interface ConnectionOptions {
  readonly serial: string | undefined;
  readonly display: string;
}

/** Where a guest's input comes from: bytes are those of a file. */
export type InputSource = 'stdin' | 'nowhere' | Uint8Array;

/** A guest's name among those that share the terminal. */
export interface TerminalShare {
  readonly terminal: Terminal;
  readonly name: string;
}

/** The host's side of a guest's devices. */
export class Connections {
  readonly com1: ByteSink;
  readonly console: ByteSink;
  readonly #serial: SerialTarget;
  readonly #display: Display;
  readonly #console: Writer;
  readonly #stdout: Writer;
  readonly #source: InputSource;
  readonly #share: TerminalShare;
  /** What takes the input; undefined while there is none. */
  readonly #target: ((pc: GuestBoard) => InputTarget) | undefined;
  #input: Input;

  /** `stdout` takes what goes there; `source`: stdin, which needs something that is connected to the terminal, or a file. */
  constructor(
    options: ConnectionOptions,
    stdout: Writer,
    source: InputSource,
    share: TerminalShare,
  ) {
    const displayName = parseDisplay(options.display);
    const hasDisplay = displayName !== 'none';
    if (hasDisplay && options.serial === 'stdio') {
      throw new UsageError('--serial stdio: the display and the keyboard have the terminal');
    }
    const serial = serialTarget(options.serial ?? (hasDisplay ? 'null' : 'stdio'), stdout);
    this.#serial = serial;
    this.#source = source;
    this.#stdout = stdout;
    this.#share = share;
    this.#display = openDisplay(displayName);
    this.#console = hasDisplay ? besideDisplay() : stdout;
    this.com1 = (byte) => serial.writer.put(byte);
    this.console = (byte) => this.#console.put(byte);
    if (hasDisplay) this.#target = (pc) => new KeyboardInput(withDisplay(pc));
    else if (source === 'stdin' ? serial.isStdio : source !== 'nowhere') {
      this.#target = (pc) => new SerialInput(pc);
    }
  }

  /** Opens everything, for `pc`, which is then ready to be driven; `leave` is called when the user wants to. */
  open(pc: GuestBoard, weight: number, leave: (why: string) => void): DrivenGuest {
    this.#serial.open();
    const target = this.#target?.(pc);
    this.#input = target && this.#openInput(target, leave);
    this.#display.open();
    return new DrivenGuest(pc, weight, this.#input, target);
  }

  flush(pc: GuestBoard): void {
    this.#display.refresh(pc);
    this.#serial.writer.flush();
    this.#console.flush();
  }

  /** Something of ours is about to be said. */
  interrupt(): void {
    this.#stdout.interrupt();
  }

  /** The guest takes no more input. */
  endInput(): void {
    this.#input?.close();
    this.#input = undefined;
  }

  close(pc: GuestBoard): void {
    this.endInput();
    this.#display.close(pc);
    this.flush(pc);
    this.#stdout.close();
    this.#serial.close();
  }

  /** Connects the input. */
  #openInput(target: InputTarget, leave: (why: string) => void): Input {
    const isFile = typeof this.#source !== 'string';
    if (isFile || !isatty(STDIN)) {
      target.openInput();
      return isFile ? new FileInput(this.#source) : new PipedInput();
    }
    const { terminal, name } = this.#share;
    return terminal.connect({
      name,
      send: (bytes) => {
        this.#display.resume();
        target.receive(bytes);
      },
      show: (message) => {
        this.interrupt();
        this.#display.interrupt(message);
      },
      leave: () => leave('left with Ctrl-A x'),
    });
  }
}

/** A guest with what it is connected to. */
export interface ConnectedGuest {
  readonly board: GuestBoard;
  readonly weight: number;
  readonly connections: Connections;
}

/**
 * Opens everything, runs `guests` to their ends and closes everything, also when something fails. `ended` hears of an
 * end while others still run.
 */
export async function driveConnected(
  guests: readonly ConnectedGuest[],
  ended: (n: number, end: DriveEnd) => void,
): Promise<DriveEnd[]> {
  const leaving = new Leaving();
  const opened: ConnectedGuest[] = [];
  try {
    const driven = guests.map((guest) => {
      const { board, weight, connections } = guest;
      const ready = connections.open(board, weight, (why) => leaving.ask(why));
      opened.push(guest);
      return ready;
    });
    leaving.listen();
    const flush = (): void => {
      for (const { connections, board } of guests) connections.flush(board);
    };
    await drive(driven, leaving, flush, (guest) => {
      const n = driven.indexOf(guest);
      const connections = guests[n]?.connections;
      connections?.interrupt();
      if (guest.end !== undefined) ended(n, guest.end);
      connections?.endInput();
    });
    return driven.flatMap(({ end }) => end ?? []);
  } finally {
    leaving.close();
    for (const { connections, board } of opened) connections.close(board);
  }
}

/** Port 0xe9 would write over the display: what it says goes to stderr, if that is not the same terminal. */
function besideDisplay(): ByteWriter {
  return new ByteWriter((bytes) => {
    if (!process.stderr.isTTY) process.stderr.write(bytes);
  });
}
