/** Property tests make the same cases in every run; FUZZ_SEED chooses others. */

import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['FUZZ_SEED'] ?? 1) });
