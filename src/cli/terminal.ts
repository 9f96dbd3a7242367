/**
 * The terminal in raw mode: every key goes to the guest at once, but for commands of ours. Several guests share it: one
 * of them at a time gets the keys, and a command passes them on to another.
 */

import { EscapeKeys } from './escape-keys.ts';

/** A guest's end of the terminal. */
export class TerminalLine {
  readonly isLive = true;
  readonly name: string;
  readonly show: (message: string) => void;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #close: (line: TerminalLine) => void;
  #wake: () => void = () => {};

  constructor(line: TerminalUser, close: (line: TerminalLine) => void) {
    this.name = line.name;
    this.show = line.show;
    this.#send = line.send;
    this.#close = close;
  }

  /** Something was typed for the guest. */
  type(bytes: Uint8Array): void {
    this.#send(bytes);
    this.#wake();
  }

  /** Resolves at the next key. */
  key(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The guest needs no more keys; with the last one the terminal is given back. */
  close(): void {
    this.#close(this);
  }
}

export interface TerminalUser {
  /** Of the guest, where there are several. */
  readonly name: string;
  readonly send: (bytes: Uint8Array) => void;
  /** Shows a message of ours. */
  readonly show: (message: string) => void;
  /** The user wants to leave. */
  readonly leave: () => void;
}

/** What is needed of stdin. */
export type RawInput = Pick<NodeJS.ReadStream, 'setRawMode' | 'on' | 'off' | 'pause'>;

export class Terminal {
  /** Those that are still connected, in order, and the one that gets the keys. */
  #lines: TerminalLine[] = [];
  #current: TerminalLine | undefined;
  readonly #preferred: string | undefined;
  /** Names of all that were. */
  readonly #names: string[] = [];
  #leave: () => void = () => {};
  readonly #listener: (bytes: Uint8Array) => void;
  /** Opened when it is needed. */
  readonly #stdin: () => RawInput;

  /** `preferred`: name of the guest that gets the keys at first, if not the first that is connected. */
  constructor(preferred?: string, stdin: () => RawInput = () => process.stdin) {
    this.#preferred = preferred;
    this.#stdin = stdin;
    const chosen = Array.from({ length: 9 }, (_, n) => [
      String(n + 1),
      () => this.#pass(this.#names[n]),
    ]);
    const keys = new EscapeKeys((bytes) => this.#current?.type(bytes), {
      ...Object.fromEntries(chosen),
      h: () => this.#current?.show(this.#help()),
      n: () => this.#pass(this.#after(this.#current)?.name),
      x: () => this.#leave(),
    });
    this.#listener = (bytes) => keys.type(bytes);
  }

  /** Connects a guest. */
  connect(user: TerminalUser): TerminalLine {
    if (this.#lines.length === 0) {
      this.#stdin().setRawMode(true);
      this.#stdin().on('data', this.#listener);
    }
    this.#leave = user.leave;
    const line = new TerminalLine(user, (closed) => this.#disconnect(closed));
    this.#lines.push(line);
    this.#names.push(user.name);
    if (this.#current === undefined || user.name === this.#preferred) this.#current = line;
    return line;
  }

  /** The guest of that name gets the keys. */
  isHeardBy(name: string): boolean {
    return this.#current?.name === name;
  }

  /** The guest after `line`, in a circle. */
  #after(line: TerminalLine | undefined): TerminalLine | undefined {
    const at = line === undefined ? -1 : this.#lines.indexOf(line);
    return this.#lines[(at + 1) % this.#lines.length];
  }

  /** Gives the keys to the guest of that name, if it is still there. */
  #pass(name: string | undefined): void {
    if (name === undefined || this.#names.length === 1) return;
    const line = this.#lines.find((other) => other.name === name);
    this.#current = line ?? this.#current;
    this.#current?.show(line ? `[keys go to ${name}]` : `[${name} has ended]`);
  }

  #disconnect(line: TerminalLine): void {
    const after = this.#after(line);
    this.#lines = this.#lines.filter((other) => other !== line);
    if (this.#lines.length > 0) {
      if (this.#current === line) this.#pass(after?.name);
      return;
    }
    this.#current = undefined;
    this.#stdin().off('data', this.#listener);
    this.#stdin().setRawMode(false);
    this.#stdin().pause();
  }

  #help(): string {
    const keys = ['Ctrl-A h       this help', 'Ctrl-A x       leave'];
    if (this.#names.length > 1) {
      const list = this.#names.slice(0, 9).map((name, n) => `${n + 1} ${name}`);
      keys.push('Ctrl-A n       give the keys to the next VM');
      keys.push(`Ctrl-A NUMBER  give the keys to: ${list.join(', ')}`);
    }
    keys.push('Ctrl-A Ctrl-A  send Ctrl-A to the guest');
    if (this.#names.length > 1) keys.push(`[keys go to ${this.#current?.name ?? 'nobody'}]`);
    return ['', ...keys].join('\n');
  }
}
