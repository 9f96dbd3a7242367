/** Tells on stderr how far long work is: one line that is written over, on a terminal only. */

const EVERY_MS = 200;
const ERASE = '\r\x1b[K';

export class ProgressLine {
  readonly #isOn = process.stderr.isTTY === true;
  #shown = performance.now();
  #isVisible = false;

  show(text: string): void {
    if (!this.#isOn || performance.now() - this.#shown < EVERY_MS) return;
    this.#shown = performance.now();
    this.#isVisible = true;
    process.stderr.write(`${ERASE}${text}`);
  }

  clear(): void {
    if (this.#isVisible) process.stderr.write(ERASE);
    this.#isVisible = false;
  }
}
