/**
 * The registers of a VGA (IBM PS/2 Hardware Interface Technical Reference, Video Subsystem), as far as
 * text-mode drivers look at them: CRT controller, attribute controller with its flip-flop, sequencer,
 * graphics controller, palette, and the retraces in virtual time. All hold what is written; text mode is
 * what can be shown. Display memory is RAM: whoever shows the screen reads it there.
 *
 * DIVERGES: display memory has no planes, so the unchained and planar modes of graphics do not work.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import {
  MODE3_ATTRIBUTE,
  MODE3_CRTC,
  MODE3_GRAPHICS,
  MODE3_MISC,
  MODE3_PALETTE,
  MODE3_SEQUENCER,
} from './vga-mode3.ts';

/** Ports of the colour CRT controller; those of the monochrome one are 0x20 lower. */
const CRTC_INDEX = 0x3d4;
const CRTC_DATA = 0x3d5;
const INPUT_STATUS1 = 0x3da; // feature control when written
const MONOCHROME_OFFSET = 0x20;

const ATTRIBUTE = 0x3c0; // index and data in turn
const ATTRIBUTE_DATA = 0x3c1; // to read
const INPUT_STATUS0 = 0x3c2; // miscellaneous output when written
const SEQUENCER_INDEX = 0x3c4;
const SEQUENCER_DATA = 0x3c5;
const PALETTE_MASK = 0x3c6;
const PALETTE_STATE = 0x3c7; // index of a read when written
const PALETTE_WRITE = 0x3c8; // index of a write
const PALETTE_DATA = 0x3c9;
const FEATURE_CONTROL = 0x3ca;
const MISC_OUTPUT = 0x3cc;
const GRAPHICS_INDEX = 0x3ce;
const GRAPHICS_DATA = 0x3cf;

const MISC_COLOUR = 0x01; // the CRT controller is at 0x3d4
const ATTRIBUTE_INDEX_MASK = 0x3f; // with bit 5, which shows the screen
const ATTRIBUTE_REGISTER_MASK = 0x1f;
const CRTC_PROTECT = 0x80; // in register 0x11: registers 0 to 7 are read-only,
const CRTC_OVERFLOW = 7; // but for
const CRTC_LINE_COMPARE8 = 0x10; // this bit
const STATUS1_BLANK = 0x01;
const STATUS1_VERTICAL = 0x08; // vertical retrace
const PALETTE_READING = 0x00;
const PALETTE_WRITING = 0x03;

/** 449 lines of 31.778 microseconds are a frame at 70 Hz; 400 are seen, 640 of 800 dots of each. */
const LINE_NS = 31_778n;
const LINES = 449n;
const SHOWN_LINES = 400n;
const RETRACE_LINE = 412n;
const RETRACE_LINES = 2n;
const SHOWN_NS = (LINE_NS * 4n) / 5n;

/** What the VGA is wired to. */
export interface VgaDeps {
  readonly clock: Clock;
}

/** Registers behind an index. */
export interface IndexedRegisters {
  index: number;
  data: number[];
}

/** State of the VGA. */
export interface VgaState {
  version: 1;
  misc: number;
  feature: number;
  crtc: IndexedRegisters;
  sequencer: IndexedRegisters;
  graphics: IndexedRegisters;
  attribute: IndexedRegisters;
  /** The next write to the attribute controller is data. */
  attributeData: boolean;
  paletteMask: number;
  /** The next byte of the palette, and whether it is read or written. */
  paletteAt: number;
  paletteState: number;
  /** palette[768]: red, green and blue, 6 bits each. */
  palette: number[];
}

const indexed = (data: readonly number[]): IndexedRegisters => ({ index: 0, data: [...data] });

const powerOn = (): VgaState => ({
  version: 1,
  misc: MODE3_MISC,
  feature: 0,
  crtc: indexed(MODE3_CRTC),
  sequencer: indexed(MODE3_SEQUENCER),
  graphics: indexed(MODE3_GRAPHICS),
  attribute: { ...indexed(MODE3_ATTRIBUTE), index: 0x20 },
  attributeData: false,
  paletteMask: 0xff,
  paletteAt: 0,
  paletteState: PALETTE_READING,
  palette: [...MODE3_PALETTE],
});

/** The VGA's ports are 0x3b0 to 0x3df. */
const FIRST_PORT = 0x3b0;
export const VGA_PORTS = 0x30;

/** The VGA. */
export class Vga implements PortDevice {
  readonly widestPort = 1;
  readonly #clock: Clock;
  readonly #state: VgaState;

  constructor({ clock }: VgaDeps, state?: VgaState) {
    this.#clock = clock;
    this.#state = state === undefined ? powerOn() : structuredClone(state);
  }

  save(): VgaState {
    return structuredClone(this.#state);
  }

  static restore(deps: VgaDeps, state: VgaState): Vga {
    checkVersion('vga', state, 1);
    return new Vga(deps, state);
  }

  /** Register `n` of the CRT controller. */
  crtc(n: number): number {
    return this.#state.crtc.data[n] ?? 0;
  }

  /** Register `n` of the graphics controller. */
  graphics(n: number): number {
    return this.#state.graphics.data[n] ?? 0;
  }

  /** Register `n` of the attribute controller. */
  attribute(n: number): number {
    return this.#state.attribute.data[n] ?? 0;
  }

  readPort(offset: number): number {
    const state = this.#state;
    const port = this.#portOf(offset);
    switch (port) {
      case CRTC_INDEX:
        return state.crtc.index;
      case CRTC_DATA:
        return readIndexed(state.crtc);
      case INPUT_STATUS1:
        state.attributeData = false;
        return this.#status1();
      case ATTRIBUTE:
        return state.attribute.index;
      case ATTRIBUTE_DATA:
        return this.attribute(state.attribute.index & ATTRIBUTE_REGISTER_MASK);
      case INPUT_STATUS0:
        return 0;
      case SEQUENCER_INDEX:
        return state.sequencer.index;
      case SEQUENCER_DATA:
        return readIndexed(state.sequencer);
      case PALETTE_MASK:
        return state.paletteMask;
      case PALETTE_STATE:
        return state.paletteState;
      case PALETTE_WRITE:
        return Math.floor(state.paletteAt / 3);
      case PALETTE_DATA:
        return state.palette[this.#nextColour()] ?? 0;
      case FEATURE_CONTROL:
        return state.feature;
      case MISC_OUTPUT:
        return state.misc;
      case GRAPHICS_INDEX:
        return state.graphics.index;
      case GRAPHICS_DATA:
        return readIndexed(state.graphics);
      default:
        return 0xff;
    }
  }

  writePort(offset: number, _size: number, value: number): void {
    const state = this.#state;
    switch (this.#portOf(offset)) {
      case CRTC_INDEX:
        state.crtc.index = value;
        break;
      case CRTC_DATA:
        this.#writeCrtc(value);
        break;
      case INPUT_STATUS1:
        state.feature = value;
        break;
      case ATTRIBUTE:
        this.#writeAttribute(value);
        break;
      case INPUT_STATUS0:
        state.misc = value;
        break;
      case SEQUENCER_INDEX:
        state.sequencer.index = value;
        break;
      case SEQUENCER_DATA:
        writeIndexed(state.sequencer, value);
        break;
      case GRAPHICS_INDEX:
        state.graphics.index = value;
        break;
      case GRAPHICS_DATA:
        writeIndexed(state.graphics, value);
        break;
      default:
        this.#writePalette(this.#portOf(offset), value);
    }
  }

  /** The port as the colour display has it; 0 for those of the other kind of display. */
  #portOf(offset: number): number {
    const port = FIRST_PORT + offset;
    const isColour = (this.#state.misc & MISC_COLOUR) !== 0;
    if (port >= ATTRIBUTE && port <= GRAPHICS_DATA) return port;
    if (port > GRAPHICS_DATA) return isColour ? port : 0;
    return isColour ? 0 : port + MONOCHROME_OFFSET;
  }

  #status1(): number {
    const now = this.#clock.now();
    const line = (now / LINE_NS) % LINES;
    const isBlank = line >= SHOWN_LINES || now % LINE_NS >= SHOWN_NS;
    const isRetrace = line >= RETRACE_LINE && line < RETRACE_LINE + RETRACE_LINES;
    return (isBlank ? STATUS1_BLANK : 0) | (isRetrace ? STATUS1_VERTICAL : 0);
  }

  #writeCrtc(value: number): void {
    const { crtc } = this.#state;
    const isProtected = crtc.index <= CRTC_OVERFLOW && (this.crtc(0x11) & CRTC_PROTECT) !== 0;
    if (!isProtected) writeIndexed(crtc, value);
    else if (crtc.index === CRTC_OVERFLOW) {
      const kept = this.crtc(CRTC_OVERFLOW) & ~CRTC_LINE_COMPARE8;
      writeIndexed(crtc, kept | (value & CRTC_LINE_COMPARE8));
    }
  }

  #writeAttribute(value: number): void {
    const state = this.#state;
    const { attribute } = state;
    if (!state.attributeData) attribute.index = value & ATTRIBUTE_INDEX_MASK;
    else {
      const register = attribute.index & ATTRIBUTE_REGISTER_MASK;
      if (register < attribute.data.length) attribute.data[register] = value;
    }
    state.attributeData = !state.attributeData;
  }

  #writePalette(port: number, value: number): void {
    const state = this.#state;
    if (port === PALETTE_MASK) state.paletteMask = value;
    else if (port === PALETTE_STATE || port === PALETTE_WRITE) {
      state.paletteAt = value * 3;
      state.paletteState = port === PALETTE_WRITE ? PALETTE_WRITING : PALETTE_READING;
    } else if (port === PALETTE_DATA) state.palette[this.#nextColour()] = value & 0x3f;
  }

  #nextColour(): number {
    const at = this.#state.paletteAt;
    this.#state.paletteAt = (at + 1) % this.#state.palette.length;
    return at;
  }
}

function readIndexed({ index, data }: IndexedRegisters): number {
  return data[index] ?? 0;
}

function writeIndexed({ index, data }: IndexedRegisters, value: number): void {
  if (index < data.length) data[index] = value;
}
