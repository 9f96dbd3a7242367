/**
 * The VMX-preemption timer (SDM 3C 26.5.1): counts down with the TSC, and so with instructions. A run has no fuel beyond its
 * end, so that it is looked at exactly then. A guest that waits in HLT uses up the fuel of the run: time passes until the
 * timer or the host's next event.
 */

import { Time } from '../cpu/time';
import { PREEMPTION_TIMER_SHIFT } from '../gen/vmx-capabilities';
import {
  ACTIVATE_VMX_PREEMPTION_TIMER,
  SAVE_VMX_PREEMPTION_TIMER_VALUE,
} from '../gen/vmx-controls';
import { GUEST_PREEMPTION_TIMER_VALUE } from '../gen/vmx-fields';
import { FUEL, FUEL_START, TIMER_END, TIMER_FUEL, TIMER_ON } from '../layout';
import { Controls } from './controls';

export class PreemptionTimer {
  /** VM entry. */
  static start(): void {
    if (!Controls.pin(ACTIVATE_VMX_PREEMPTION_TIMER)) return;
    const value = (<u64>load<u32>(GUEST_PREEMPTION_TIMER_VALUE)) << PREEMPTION_TIMER_SHIFT;
    store<u64>(TIMER_END, Time.atBoundary() + value);
    store<u32>(TIMER_ON, 1);
    PreemptionTimer.limit();
  }
  /** VM exit. */
  static stop(): void {
    if (load<u32>(TIMER_ON) == 0) return;
    if (Controls.exit(SAVE_VMX_PREEMPTION_TIMER_VALUE)) {
      store<u64>(GUEST_PREEMPTION_TIMER_VALUE, PreemptionTimer.left() >> PREEMPTION_TIMER_SHIFT);
    }
    store<u32>(TIMER_ON, 0);
    PreemptionTimer.move(-(<i64>load<u32>(TIMER_FUEL)));
  }

  static isOver(): bool {
    return PreemptionTimer.left() == 0;
  }
  /** Virtual time until its end. */
  static left(): u64 {
    const now = Time.atBoundary();
    const end = load<u64>(TIMER_END);
    return end > now ? end - now : 0;
  }

  /** Takes from the run the fuel beyond the end. */
  static limit(): void {
    const beyond = (load<i64>(FUEL) >> 32) - <i64>PreemptionTimer.left();
    if (beyond > 0) PreemptionTimer.move(beyond);
  }
  /** Moves `fuel` from the run to what it has beyond the end. */
  static move(fuel: i64): void {
    store<i64>(FUEL, load<i64>(FUEL) - (fuel << 32));
    store<u32>(FUEL_START, load<u32>(FUEL_START) - <u32>fuel);
    store<u32>(TIMER_FUEL, load<u32>(TIMER_FUEL) + <u32>fuel);
  }
  /** Lets time pass in HLT. */
  static wait(): void {
    const left = load<i64>(FUEL) >> 32;
    if (left > 0) store<i64>(FUEL, load<i64>(FUEL) - (left << 32));
  }
}
