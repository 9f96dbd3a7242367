/** Random sequences of steps: each is made from a seed, and one that fails is told with no more steps than it needs. */

import { randomSource } from '../../src/isa/random.ts';
import { imageOf, type Space } from './address-space.ts';
import type { Stage } from './rig.ts';
import { codeImage, Scene, type Start } from './scene.ts';
import { type Step, stepsFrom } from './steps.ts';

export interface SequenceOptions {
  /** The processor has protection keys. */
  readonly hasKeys: boolean;
  readonly isTlbDisabled: boolean;
}

/** Plays the sequence of a seed on `rig`; throws if it fails. */
export function sequences(
  rig: Stage,
  space: Space,
  { hasKeys, isTlbDisabled }: SequenceOptions,
): (seed: number) => void {
  const { setting } = space;
  const image = [...imageOf(space), ...codeImage(setting.isLong)];
  return (seed) => {
    const random = randomSource(seed);
    const tagged = setting.shifts.length === 4 && random(2) === 0;
    const steps = stepsFrom(random, space, hasKeys);
    const accessed = new Set(steps.map((step) => (step.do === 'access' ? step.page : -1)));
    const pages = space.pages.filter((_, n) => accessed.has(n));
    const start = { image, tagged, isTlbDisabled, pages };
    const failure = play(rig, space, start, steps);
    if (failure === undefined) return;
    const few = shrink(steps, (some) => play(rig, space, start, some) !== undefined);
    const lines = few.map((step) => JSON.stringify(step)).join('\n');
    const reason = play(rig, space, start, few) ?? failure;
    throw new Error(`seed ${seed}, tagged ${tagged}: ${reason.message}\n${lines}`);
  };
}

function play(rig: Stage, space: Space, start: Start, steps: readonly Step[]): Error | undefined {
  try {
    const scene = new Scene(rig, space, start);
    for (const step of steps) scene.run(step);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Plays a history; throws if it fails. */
export function playThese(rig: Stage, space: Space, tagged: boolean, steps: readonly Step[]): void {
  const image = [...imageOf(space), ...codeImage(space.setting.isLong)];
  const failure = play(
    rig,
    space,
    { image, tagged, isTlbDisabled: false, pages: space.pages },
    steps,
  );
  if (failure !== undefined) throw failure;
}

/** Leaves steps out as long as the rest fails. */
function shrink(
  steps: readonly Step[],
  fails: (steps: readonly Step[]) => boolean,
): readonly Step[] {
  let few = steps;
  for (let n = few.length - 1; n >= 0; n--) {
    const fewer = few.filter((_, m) => m !== n);
    if (fails(fewer)) few = fewer;
  }
  return few.length === steps.length || few.length === 0 ? few : shrink(few, fails);
}
