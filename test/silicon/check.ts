/** Replays the committed vectors on this machine's processor. Usage: check HARNESS DIRECTORY */

import { loadVectors, report, runVectors, vectorFiles } from '../vectors/run.ts';
import { runOnProcessor } from './processor.ts';

const [harness, directory] = process.argv.slice(2);
if (!harness || !directory) throw new Error('usage: check HARNESS DIRECTORY');
const cases = vectorFiles(directory).flatMap((name) => loadVectors(directory, name));
const failures = runVectors(cases, { run: (inputs) => runOnProcessor(harness, inputs) });
process.stderr.write(`${report(failures, cases.length) || `${cases.length} cases agree`}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;
