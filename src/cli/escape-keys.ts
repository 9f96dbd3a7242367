/** What is typed on the terminal goes to the guest, but for Ctrl-A, which starts a command of ours, as in QEMU's -nographic. */

const CTRL_A = 0x01;

/** Commands by the character that follows Ctrl-A. */
export type EscapeCommands = Readonly<Record<string, () => void>>;

export class EscapeKeys {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #commands: EscapeCommands;
  #escaped = false;

  /** `send` gets the keys for the guest. */
  constructor(send: (bytes: Uint8Array) => void, commands: EscapeCommands) {
    this.#send = send;
    this.#commands = commands;
  }

  /** What was typed at once is sent at once. */
  type(bytes: Uint8Array): void {
    let sent: number[] = [];
    const flush = (): void => {
      if (sent.length > 0) this.#send(Uint8Array.from(sent));
      sent = [];
    };
    for (const byte of bytes) {
      if (!this.#escaped) {
        if (byte === CTRL_A) this.#escaped = true;
        else sent.push(byte);
        continue;
      }
      this.#escaped = false;
      if (byte === CTRL_A) sent.push(CTRL_A);
      else {
        // What comes before a command is for whom the terminal is connected to until then.
        flush();
        this.#commands[String.fromCharCode(byte)]?.();
      }
    }
    flush();
  }
}
