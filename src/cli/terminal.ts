/**
 * Stdin for the guest. A terminal is raw: every key goes to the guest at once, but Ctrl-A, which
 * starts a command of ours, as in QEMU's -nographic. Anything else is read byte by byte as the guest
 * asks for it (src/pc/asked-input.ts).
 */

import { note } from './output.ts';

const CTRL_A = 0x01;
const PATIENCE_MS = 1000;

const HELP = [
  '',
  'Ctrl-A h       this help',
  'Ctrl-A x       leave',
  'Ctrl-A Ctrl-A  send Ctrl-A to the guest',
].join('\r\n');

/** Keys for the guest out of what was typed; `leave` and `help` are called for our own commands. */
export class EscapeKeys {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #leave: () => void;
  readonly #help: () => void;
  #escaped = false;

  constructor(send: (bytes: Uint8Array) => void, leave: () => void, help: () => void) {
    this.#send = send;
    this.#leave = leave;
    this.#help = help;
  }

  /** What was typed at once is sent at once. */
  type(bytes: Uint8Array): void {
    const sent: number[] = [];
    for (const byte of bytes) {
      if (this.#escaped) this.#command(byte, sent);
      else if (byte !== CTRL_A) sent.push(byte);
      this.#escaped = !this.#escaped && byte === CTRL_A;
    }
    if (sent.length > 0) this.#send(Uint8Array.from(sent));
  }

  #command(byte: number, sent: number[]): void {
    if (byte === CTRL_A) sent.push(CTRL_A);
    else if (byte === 'x'.charCodeAt(0)) this.#leave();
    else if (byte === 'h'.charCodeAt(0)) this.#help();
  }
}

/** A terminal in raw mode. */
export class Terminal {
  readonly isLive = true;
  #wake: () => void = () => {};
  readonly #listener: (bytes: Uint8Array) => void;

  /** `send` gets what is typed for the guest, `show` the help that is asked for. */
  constructor(
    send: (bytes: Uint8Array) => void,
    leave: () => void,
    show: (message: string) => void,
  ) {
    const keys = new EscapeKeys(send, leave, () => show(HELP));
    this.#listener = (bytes) => {
      keys.type(bytes);
      this.#wake();
    };
    process.stdin.setRawMode(true);
    process.stdin.on('data', this.#listener);
  }

  /** Resolves at the next key. */
  key(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Gives the terminal back. */
  close(): void {
    process.stdin.off('data', this.#listener);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}

/** A file or pipe on stdin, opened when the first byte is asked for. */
export class PipedInput {
  readonly isLive = false;
  #chunk: Uint8Array = new Uint8Array();
  #at = 0;
  #chunks: AsyncIterator<Uint8Array> | undefined;

  /** `take` gives a byte. */
  get hasByte(): boolean {
    return this.#at < this.#chunk.length;
  }

  /** The next byte of what was read already. */
  take(): number | undefined {
    return this.#chunk[this.#at++];
  }

  /** The next byte, undefined at the end. */
  async next(): Promise<number | undefined> {
    while (!this.hasByte) {
      const chunk = await this.#read();
      if (chunk === undefined) return undefined;
      this.#chunk = chunk;
      this.#at = 0;
    }
    return this.take();
  }

  /** Lets go of stdin. */
  close(): void {
    if (this.#chunks !== undefined) process.stdin.destroy();
  }

  async #read(): Promise<Uint8Array | undefined> {
    this.#chunks ??= process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    const hint = setTimeout(() => {
      note('trapline: the guest waits for input on stdin (end it with </dev/null)');
    }, PATIENCE_MS);
    try {
      const { done, value } = await this.#chunks.next();
      return done ? undefined : value;
    } finally {
      clearTimeout(hint);
    }
  }
}
