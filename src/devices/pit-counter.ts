/**
 * One counter of an 8254 (Intel 231164, 8254 Programmable Interval Timer, Mode Definitions): modes
 * 0 to 5, binary and BCD, latches, gate. It knows CLK pulses only. `advance` leaps from event to
 * event (a load, a reload, a change of OUT) and over whole periods, so its cost does not grow with
 * the pulses passed. A count of 1 in modes 2 and 3, which the data sheet forbids, does something
 * harmless.
 */

const ACCESS_LOW = 1;
const ACCESS_HIGH = 2;
const CONTROL_MASK = 0x3f;

/** State of one counter. */
export interface PitCounterState {
  /** The low six bits of the control word, as written: access 5:4, mode 3:1, BCD 0. */
  control: number;
  /** CR, the count written: 1 to 65536, or 10000 in BCD; 0 before one was written for this mode. */
  count: number;
  /** The count that CE was loaded with last. */
  loaded: number;
  /** CE, the counting element; it may stand at 65536 right after a load. */
  element: number;
  /** CE runs: it has been loaded since the mode was set. */
  counting: boolean;
  /** CE is loaded from CR on the next pulse. */
  loading: boolean;
  /** CE has reached 0 in a mode that counts only once (0, 1, 4, 5). */
  expired: boolean;
  nullCount: boolean;
  out: boolean;
  gate: boolean;
  /** The first of two bytes written; undefined between pairs. */
  firstByte: number | undefined;
  /** The next byte read of a pair is the high one. */
  readHigh: boolean;
  latchedCount: number | undefined;
  latchedStatus: number | undefined;
}

const POWER_ON: PitCounterState = {
  control: 0x34,
  count: 0,
  loaded: 0,
  element: 0,
  counting: false,
  loading: false,
  expired: false,
  nullCount: true,
  out: true,
  gate: true,
  firstByte: undefined,
  readHigh: false,
  latchedCount: undefined,
  latchedStatus: undefined,
};

/** A counter whose OUT pin is followed by `onOut`. */
export class PitCounter {
  readonly #onOut: (level: boolean) => void;
  readonly #state: PitCounterState;

  constructor(onOut: (level: boolean) => void, state: Partial<PitCounterState> = {}) {
    this.#onOut = onOut;
    this.#state = { ...POWER_ON, ...state };
  }

  save(): PitCounterState {
    return { ...this.#state };
  }

  get out(): boolean {
    return this.#state.out;
  }

  /** A control word that names this counter: sets mode, access and number base, and stops it. */
  setControl(control: number): void {
    const { gate, out, element } = this.#state;
    Object.assign(this.#state, POWER_ON, { control: control & CONTROL_MASK, gate, out, element });
    this.#setOut(this.#mode !== 0);
  }

  /** A byte of the initial count. */
  write(byte: number): void {
    const state = this.#state;
    const access = state.control >> 4;
    if (access === ACCESS_LOW) this.#setCount(byte);
    else if (access === ACCESS_HIGH) this.#setCount(byte << 8);
    else if (state.firstByte === undefined) this.#writeFirst(byte);
    else {
      const first = state.firstByte;
      state.firstByte = undefined;
      this.#setCount(first | (byte << 8));
    }
  }

  /** The next byte to read: latched status, else latched count, else the running count. */
  read(): number {
    const state = this.#state;
    if (state.latchedStatus !== undefined) {
      const status = state.latchedStatus;
      state.latchedStatus = undefined;
      return status;
    }
    const value = state.latchedCount ?? this.#encode(state.element);
    const access = state.control >> 4;
    const high = access === ACCESS_HIGH || (access !== ACCESS_LOW && state.readHigh);
    if (access !== ACCESS_LOW && access !== ACCESS_HIGH) state.readHigh = !high;
    if (high || access === ACCESS_LOW) state.latchedCount = undefined;
    return high ? value >> 8 : value & 0xff;
  }

  /** Holds the count for reading; a count already held stays. */
  latchCount(): void {
    this.#state.latchedCount ??= this.#encode(this.#state.element);
  }

  /** Holds the status byte (read-back format: OUT 7, null count 6, control 5:0). */
  latchStatus(): void {
    const { out, nullCount, control } = this.#state;
    this.#state.latchedStatus ??= (out ? 0x80 : 0) | (nullCount ? 0x40 : 0) | control;
  }

  setGate(level: boolean): void {
    const state = this.#state;
    const rising = level && !state.gate;
    state.gate = level;
    if (this.#mode === 0 || this.#mode === 4) return;
    if (rising && state.count !== 0) state.loading = true;
    if (!level && this.#isPeriodic) this.#setOut(true);
  }

  /** Pulses until the next load, reload or change of OUT; Infinity if none comes by itself. */
  pulsesToEvent(): number {
    const { loading, counting, expired, element, out, gate, loaded } = this.#state;
    if (loading) return 1;
    if (!counting || !(gate || this.#isTriggered)) return Number.POSITIVE_INFINITY;
    switch (this.#mode) {
      case 2:
        return element > 1 ? element - 1 : 1;
      case 3:
        // An odd count stays high for one pulse more.
        return Math.max(1, element / 2 + (out ? loaded & 1 : 0));
      default:
        if (!out && this.#mode >= 4) return 1;
        return expired ? Number.POSITIVE_INFINITY : element;
    }
  }

  /** Lets `pulses` CLK pulses pass. */
  advance(pulses: number): void {
    let left = pulses;
    while (left > 0) {
      const toEvent = this.pulsesToEvent();
      if (left < toEvent) {
        this.#decrement(left);
        return;
      }
      left -= toEvent;
      if (this.#event() && this.#isPeriodic) left %= this.#state.loaded;
    }
  }

  get #mode(): number {
    const mode = (this.#state.control >> 1) & 7;
    return mode > 5 ? mode - 4 : mode;
  }

  /** Modes 2 and 3 reload themselves. */
  get #isPeriodic(): boolean {
    return this.#mode === 2 || this.#mode === 3;
  }

  /** Modes 1 and 5 start at a rising gate and run on whatever its level. */
  get #isTriggered(): boolean {
    return this.#mode === 1 || this.#mode === 5;
  }

  get #modulus(): number {
    return this.#state.control & 1 ? 10_000 : 0x10000;
  }

  #writeFirst(byte: number): void {
    this.#state.firstByte = byte;
    if (this.#mode !== 0) return;
    this.#state.counting = false;
    this.#setOut(false);
  }

  #setCount(written: number): void {
    const state = this.#state;
    const value = state.control & 1 ? fromBcd(written) % this.#modulus : written;
    state.count = value || this.#modulus;
    state.nullCount = true;
    if (this.#mode === 0) this.#setOut(false);
    // Counters that reload themselves take a new count at the end of the (half) cycle, triggered
    // ones at the trigger.
    const waits = this.#isTriggered || (this.#isPeriodic && state.counting);
    if (!waits) state.loading = true;
  }

  /** The pulse that ends a stretch of plain counting. Returns whether it loaded CE. */
  #event(): boolean {
    const state = this.#state;
    if (state.loading) {
      this.#load();
      if (this.#mode === 1) this.#setOut(false);
      return true;
    }
    switch (this.#mode) {
      case 2:
        return this.#eventMode2();
      case 3:
        this.#load();
        this.#setOut(!state.out);
        return true;
      default:
        this.#eventOnce();
        return false;
    }
  }

  #eventMode2(): boolean {
    if (this.#state.element > 1) {
      this.#state.element = 1;
      this.#setOut(false);
      return false;
    }
    this.#load();
    this.#setOut(true);
    return true;
  }

  /** Modes 0 and 1 go high at zero; 4 and 5 go low for the one pulse after it. */
  #eventOnce(): void {
    const isStrobe = this.#mode >= 4;
    if (isStrobe && !this.#state.out) {
      this.#decrement(1);
      this.#setOut(true);
      return;
    }
    this.#state.element = 0;
    this.#state.expired = true;
    this.#setOut(!isStrobe);
  }

  #load(): void {
    const state = this.#state;
    state.loaded = state.count;
    state.element = this.#mode === 3 ? state.count & ~1 : state.count;
    state.counting = true;
    state.loading = false;
    state.expired = false;
    state.nullCount = false;
  }

  #decrement(pulses: number): void {
    const state = this.#state;
    if (!state.counting || !(state.gate || this.#isTriggered)) return;
    if (this.#mode === 3) {
      state.element = Math.max(0, state.element - 2 * pulses);
    } else {
      const modulus = this.#modulus;
      state.element = (((state.element - pulses) % modulus) + modulus) % modulus;
    }
  }

  #encode(element: number): number {
    const value = element % this.#modulus;
    return this.#state.control & 1 ? toBcd(value) : value;
  }

  #setOut(level: boolean): void {
    if (level === this.#state.out) return;
    this.#state.out = level;
    this.#onOut(level);
  }
}

function fromBcd(value: number): number {
  const digit = (place: number) => (value >> (4 * place)) & 15;
  return digit(3) * 1000 + digit(2) * 100 + digit(1) * 10 + digit(0);
}

function toBcd(value: number): number {
  const digit = (place: number, weight: number) => (Math.floor(value / weight) % 10) << (4 * place);
  return digit(3, 1000) | digit(2, 100) | digit(1, 10) | digit(0, 1);
}
