/** What `run --display` names: nothing, or the VGA's text screen on the terminal. */

import { Board, type GuestBoard, type TextScreen } from '../index.ts';
import { AnsiScreen, plainScreen } from './ansi-screen.ts';
import { note, print } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Names of displays. */
export const DISPLAYS = ['none', 'text'] as const;
export type DisplayName = (typeof DISPLAYS)[number];

/** Checks the name of a display. */
export function parseDisplay(text: string): DisplayName {
  const name = DISPLAYS.find((known) => known === text);
  if (name !== undefined) return name;
  throw new UsageError(`--display: '${text}' is none of ${DISPLAYS.join(', ')}`);
}

/** Shows what the guest displays. */
export interface Display {
  open(): void;
  /** Called every few milliseconds. */
  refresh(pc: GuestBoard): void;
  /** Shows a message of ours, until `resume`. */
  interrupt(message: string): void;
  resume(): void;
  /** Shows the last screen; always called, once. */
  close(pc: GuestBoard): void;
}

/** The display of that name, which for text depends on what stdout is. */
export function openDisplay(name: DisplayName): Display {
  if (name === 'none') return NO_DISPLAY;
  return process.stdout.isTTY ? new TerminalDisplay() : FINAL_SCREEN;
}

const NO_DISPLAY: Display = {
  open: () => {},
  refresh: () => {},
  interrupt: note,
  resume: () => {},
  close: () => {},
};

/** Stdout is no terminal: the last screen is printed. */
const FINAL_SCREEN: Display = { ...NO_DISPLAY, close: (pc) => print(lastScreen(pc)) };

function lastScreen(pc: GuestBoard): string {
  const screen = withDisplay(pc).textScreen;
  return screen === undefined ? 'the display is in graphics mode\n' : plainScreen(screen);
}

const ENTER_ALTERNATE = '\x1b[?1049h';
const LEAVE_ALTERNATE = '\x1b[0m\x1b[?25h\x1b[?1049l';
const CLEAR = '\x1b[0m\x1b[2J\x1b[H';
const GRAPHICS_MODE = `${CLEAR}the display is in graphics mode`;

/** The alternate screen of a terminal. */
class TerminalDisplay implements Display {
  readonly #screen = new AnsiScreen();
  readonly #resized = () => this.#screen.forget();
  #isGraphics = false;
  #isInterrupted = false;

  open(): void {
    process.stdout.on('resize', this.#resized);
    print(ENTER_ALTERNATE);
  }

  interrupt(message: string): void {
    this.#isInterrupted = true;
    print(`${CLEAR}${message}`);
  }

  resume(): void {
    if (!this.#isInterrupted) return;
    this.#isInterrupted = false;
    this.#isGraphics = false;
    this.#screen.forget();
  }

  refresh(pc: GuestBoard): void {
    if (this.#isInterrupted) return;
    const screen = withDisplay(pc).textScreen;
    const text = screen === undefined ? this.#showGraphics() : this.#showText(screen);
    if (text !== '') print(text);
  }

  close(pc: GuestBoard): void {
    process.stdout.off('resize', this.#resized);
    print(`${LEAVE_ALTERNATE}${lastScreen(pc)}`);
  }

  #showText(screen: TextScreen): string {
    if (this.#isGraphics) this.#screen.forget();
    this.#isGraphics = false;
    return this.#screen.draw(screen, process.stdout);
  }

  #showGraphics(): string {
    if (this.#isGraphics) return '';
    this.#isGraphics = true;
    return GRAPHICS_MODE;
  }
}

/** `board`, if it has a display and a keyboard. */
export function withDisplay(board: GuestBoard): Board {
  if (board instanceof Board) return board;
  throw new UsageError('--display: a PV domain has neither a display nor a keyboard');
}
