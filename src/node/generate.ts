/**
 * Build step: writes asm/gen from the instruction table (src/isa/gen.ts) and the tables of VMX (src/vmx/gen.ts). Run from
 * the project's root. A file that is right already is not touched, so that what is made of it stays valid.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generate } from '../isa/gen.ts';
import { ROWS } from '../isa/table.ts';
import { generateVmx } from '../vmx/gen.ts';

const exec = readdirSync('asm/exec')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ path: `exec/${name}`, text: readFileSync(join('asm/exec', name), 'utf8') }));

mkdirSync('asm/gen', { recursive: true });
for (const [name, text] of [...generate(ROWS, exec), ...generateVmx()]) {
  const path = join('asm/gen', name);
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}
