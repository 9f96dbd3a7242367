/**
 * Wires between devices: one level each, driven by one device, followed by one listener. Lines
 * carry levels only; what an edge means is the listener's business (a PIC input remembers the level
 * it last saw). State belongs to the devices: whoever drives a line drives it again when it is
 * restored.
 */

/** What follows a line: called with the new level at each change. */
export type LineListener = (level: boolean) => void;

/** One wire, low at first. Setting the level that it has does nothing. */
export class IrqLine {
  readonly #listener: LineListener;
  #level = false;

  constructor(listener: LineListener) {
    this.#listener = listener;
  }

  /** The level now. */
  get level(): boolean {
    return this.#level;
  }

  /** Drives the line high (true: asserted) or low. */
  set(level: boolean): void {
    if (level === this.#level) return;
    this.#level = level;
    this.#listener(level);
  }
}

/**
 * Joins several drivers to one listener: high while any input is. For shared interrupts and the A20
 * gate.
 */
export class WiredOr {
  readonly #out: IrqLine;
  #highCount = 0;

  constructor(listener: LineListener) {
    this.#out = new IrqLine(listener);
  }

  /** A new input; each driver takes its own. */
  input(): IrqLine {
    return new IrqLine((level) => {
      this.#highCount += level ? 1 : -1;
      this.#out.set(this.#highCount > 0);
    });
  }
}
