/**
 * ACPI fixed hardware (ACPI 6.4 section 4.8, Fixed Hardware Registers), at the ports that QEMU gives the
 * PIIX4's: PM1a event block 0x600, PM1a control 0x604, power-management timer 0x608, and the APM control
 * port 0xb2 by which an operating system takes and leaves ACPI mode. Of the sleeping states there is S5,
 * power-off, with sleep type 0 as in QEMU. Of the events there is the timer's carry.
 */
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import type { Clock, Timer } from '../machine/clock.ts';
import type { IrqLine } from '../machine/irq.ts';

/** What the APM control port takes: ACPI mode on and off. FADT names them. */
export const ACPI_ENABLE = 0xf1;
export const ACPI_DISABLE = 0xf0;
/** Sleep type of S5. The DSDT's _S5 names it. */
export const S5_SLEEP_TYPE = 0;

const PM1_STATUS = 0; // offsets in the event block
const PM1_TMR = 0x0001; // status and enable: bit 23 of the timer has changed
const PM1_ENABLE_MASK = 0x0121; // power button and global lock, which do not happen; timer
const PM1_SCI_EN = 0x0001; // control: events raise SCI
const PM1_CONTROL_MASK = 0x1c03; // sleep type, bus-master reload, SCI_EN
const PM1_SLP_EN = 0x2000;
const PM1_SLP_TYP_MASK = 0x1c00;
const PM1_SLP_TYP_SHIFT = 10;
const APM_CONTROL = 0; // offset in the APM ports

const TIMER_HZ = 3_579_545n;
const TIMER_BITS = 24;
const CARRY_SHIFT = 23n;
const NS_PER_SECOND = 1_000_000_000n;

/** What the block is wired to. `powerOff` is called when the guest enters S5. */
export interface AcpiPmDeps {
  readonly clock: Clock;
  readonly sci: IrqLine;
  readonly powerOff: () => void;
}

/** State of the block. */
export interface AcpiPmState {
  version: 1;
  status: number;
  enable: number;
  control: number;
  /** apm[2]: the APM control and status ports. */
  apm: number[];
  /** Changes of the timer's bit 23 that the status has seen. */
  carries: bigint;
}

const POWER_ON: AcpiPmState = {
  version: 1,
  status: 0,
  enable: 0,
  control: 0,
  apm: [0, 0],
  carries: 0n,
};

/** PM1a, its timer and the APM ports. */
export class AcpiPm {
  /** Ports 0x600 to 0x603: status and enable. */
  readonly eventPorts: PortDevice;
  /** Ports 0x604 and 0x605. */
  readonly controlPorts: PortDevice;
  /** Ports 0x608 to 0x60b. */
  readonly timerPorts: PortDevice;
  /** Ports 0xb2 and 0xb3. */
  readonly apmPorts: PortDevice;
  readonly #deps: AcpiPmDeps;
  readonly #timer: Timer;
  readonly #state: AcpiPmState;

  constructor(deps: AcpiPmDeps, state = POWER_ON) {
    this.#deps = deps;
    this.#state = { ...state, apm: [...state.apm] };
    this.#timer = deps.clock.timer(() => this.#update());
    this.eventPorts = wordPorts(
      (offset) => this.#readEvent(offset),
      (offset, value, written) => this.#writeEvent(offset, value, written),
    );
    this.controlPorts = wordPorts(
      () => this.#state.control,
      (_offset, value, written) => this.#writeControl(value, written),
    );
    this.timerPorts = {
      widestPort: 4,
      readPort: (offset, size) => Math.floor(this.#count() / 256 ** offset) % 256 ** size,
      writePort: () => {},
    };
    this.apmPorts = {
      widestPort: 1,
      readPort: (offset) => this.#state.apm[offset] ?? 0,
      writePort: (offset, _size, value) => this.#writeApm(offset, value),
    };
    this.#update();
  }

  save(): AcpiPmState {
    return { ...this.#state, apm: [...this.#state.apm] };
  }

  static restore(deps: AcpiPmDeps, state: AcpiPmState): AcpiPm {
    checkVersion('acpi-pm', state, 1);
    return new AcpiPm(deps, state);
  }

  /** The timer. */
  #count(): number {
    return Number(BigInt.asUintN(TIMER_BITS, this.#ticks()));
  }

  #ticks(): bigint {
    return (this.#deps.clock.now() * TIMER_HZ) / NS_PER_SECOND;
  }

  #readEvent(offset: number): number {
    this.#update();
    return offset === PM1_STATUS ? this.#state.status : this.#state.enable;
  }

  /** A status bit is cleared by writing 1 to it. */
  #writeEvent(offset: number, value: number, written: number): void {
    const state = this.#state;
    this.#update();
    if (offset === PM1_STATUS) state.status &= ~value;
    else state.enable = (state.enable & ~written) | (value & PM1_ENABLE_MASK);
    this.#update();
  }

  #writeControl(value: number, written: number): void {
    const state = this.#state;
    state.control = (state.control & ~written) | (value & PM1_CONTROL_MASK);
    const sleepType = (state.control & PM1_SLP_TYP_MASK) >> PM1_SLP_TYP_SHIFT;
    if (value & PM1_SLP_EN && sleepType === S5_SLEEP_TYPE) this.#deps.powerOff();
    this.#update();
  }

  #writeApm(offset: number, value: number): void {
    this.#state.apm[offset] = value;
    if (offset !== APM_CONTROL) return;
    if (value === ACPI_ENABLE) this.#state.control |= PM1_SCI_EN;
    else if (value === ACPI_DISABLE) this.#state.control &= ~PM1_SCI_EN;
    this.#update();
  }

  /** Takes a carry of the timer into the status, drives SCI, and wakes up when the next may raise it. */
  #update(): void {
    const state = this.#state;
    const carries = this.#ticks() >> CARRY_SHIFT;
    if (carries !== state.carries) state.status |= PM1_TMR;
    state.carries = carries;
    const isEnabled = (state.control & PM1_SCI_EN) !== 0;
    const isRaised = isEnabled && (state.status & state.enable) !== 0;
    this.#deps.sci.set(isRaised);
    const waits = isEnabled && !isRaised && (state.enable & PM1_TMR) !== 0;
    this.#deps.clock.reschedule(this.#timer, waits ? carryTime(carries + 1n) : undefined);
  }
}

/** The first nanosecond at which the timer has carried `carries` times into bit 23. */
function carryTime(carries: bigint): bigint {
  return ((carries << CARRY_SHIFT) * NS_PER_SECOND + TIMER_HZ - 1n) / TIMER_HZ;
}

/**
 * Registers of 16 bits whose bytes can be accessed too. `write` gets the value and a mask of the bits that
 * are written.
 */
function wordPorts(
  read: (offset: number) => number,
  write: (offset: number, value: number, written: number) => void,
): PortDevice {
  return {
    widestPort: 2,
    readPort: (offset, size) =>
      (read(offset & ~1) >> ((offset & 1) * 8)) & (size === 1 ? 0xff : 0xffff),
    writePort: (offset, size, value) => {
      const shift = (offset & 1) * 8;
      write(offset & ~1, value << shift, (size === 1 ? 0xff : 0xffff) << shift);
    },
  };
}
