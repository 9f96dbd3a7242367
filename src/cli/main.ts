#!/usr/bin/env node
/** Where the command line starts: the rest of it comes out of the code cache, where that fits. */

import { useCodeCache } from './code-cache.ts';

useCodeCache();
import('./command-line.ts').then(({ main }) => main(process.argv.slice(2)));
