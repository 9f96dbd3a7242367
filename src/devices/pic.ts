/**
 * The interrupt controllers of a PC: two 8259A, the slave's INT on input 2 of the master, and the
 * two edge/level control registers (ELCR) of an EISA or PCI south bridge (Intel 290562, 82371AB
 * PIIX4). Ports 0x20-0x21 (master), 0xa0-0xa1 (slave), 0x4d0-0x4d1 (ELCR).
 */
import { assert } from '../base/assert.ts';
import { checkVersion } from '../base/state.ts';
import type { PortDevice } from '../machine/bus.ts';
import { IrqLine } from '../machine/irq.ts';
import { I8259, type I8259State } from './i8259.ts';

const CASCADE_LEVEL = 2;
const ELCR_MASTER_MASK = 0xf8; // the timer, the keyboard and the cascade are edge triggered
const ELCR_SLAVE_MASK = 0xde; // so are the real-time clock and the coprocessor

/** State of the pair. */
export interface PicState {
  version: 1;
  master: I8259State;
  slave: I8259State;
}

/** Both 8259A of a PC. `intr` is the processor's INTR pin. */
export class Pic {
  /** Ports 0x20 and 0x21. */
  readonly master: I8259;
  /** Ports 0xa0 and 0xa1. */
  readonly slave: I8259;
  /** Ports 0x4d0 and 0x4d1. */
  readonly elcr: PortDevice;
  readonly #lines: IrqLine[] = [];

  constructor(intr: IrqLine, state?: PicState) {
    this.master = new I8259(intr, state?.master);
    const cascade = new IrqLine((level) => this.master.setInput(CASCADE_LEVEL, level));
    this.slave = new I8259(cascade, state?.slave);
    this.elcr = elcrPorts(this.master, this.slave);
    for (let irq = 0; irq < 16; irq++) {
      const chip = irq < 8 ? this.master : this.slave;
      this.#lines.push(new IrqLine((level) => chip.setInput(irq & 7, level)));
    }
  }

  save(): PicState {
    return { version: 1, master: this.master.save(), slave: this.slave.save() };
  }

  static restore(intr: IrqLine, state: PicState): Pic {
    checkVersion('pic', state, 1);
    checkVersion('i8259', state.master, 1);
    checkVersion('i8259', state.slave, 1);
    return new Pic(intr, state);
  }

  /** The interrupt request line `irq`, 0 to 15. Line 2 is taken by the cascade. */
  line(irq: number): IrqLine {
    const line = irq === CASCADE_LEVEL ? undefined : this.#lines[irq];
    assert(line !== undefined, `no interrupt line ${irq}`);
    return line;
  }

  /** A request on line `irq` would get through. */
  hears(irq: number): boolean {
    if (irq < 8) return this.master.hears(irq);
    return this.master.hears(CASCADE_LEVEL) && this.slave.hears(irq & 7);
  }

  /**
   * The processor's two INTA cycles: takes the highest request into service and returns its vector.
   */
  acknowledge(): number {
    const level = this.master.acknowledge();
    const chip = level === CASCADE_LEVEL && this.master.hasSlave(level) ? this.slave : this.master;
    return chip.vector(chip === this.slave ? this.slave.acknowledge() : level);
  }
}

function elcrPorts(master: I8259, slave: I8259): PortDevice {
  return {
    widestPort: 1,
    readPort: (offset) => (offset === 0 ? master.elcr : slave.elcr),
    writePort: (offset, _size, value) => {
      if (offset === 0) master.elcr = value & ELCR_MASTER_MASK;
      else slave.elcr = value & ELCR_SLAVE_MASK;
    },
  };
}
