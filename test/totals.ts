/** A vitest reporter that ends the output with one line: how many tests passed and failed. */

import type { Reporter, TestModule } from 'vitest/node';

export default class Totals implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: string): number => states.filter((other) => other === state).length;
    const broken = modules.filter((module) => module.errors().length > 0).length;
    const skipped = count('skipped');
    const rest = skipped > 0 ? `, ${skipped} skipped` : '';
    process.stdout.write(`${count('passed')} passed, ${count('failed') + broken} failed${rest}\n`);
  }
}
