/** Widening of the accumulator (SDM 2A CBW/CWDE/CDQE, CWD/CDQ/CQO). */

import { Register } from '../cpu/operand';
import { Rec } from '../cpu/record';
import { REGS } from '../layout';
import { Width } from './width';

const RAX: usize = REGS;
const RDX: usize = REGS + 16;

/** Sign-extends the lower half of the accumulator into all of it: CBW, CWDE, CDQE. */
export function cbw(i: usize): void {
  const width = Rec.size(i);
  Register.write(RAX, width, Width.signExtend(load<u64>(RAX), width >> 1));
}

/** Fills rDX with the sign of the accumulator: CWD, CDQ, CQO. */
export function cwd(i: usize): void {
  const width = Rec.size(i);
  Register.write(RDX, width, Width.sign(load<u64>(RAX), width) ? -1 : 0);
}
