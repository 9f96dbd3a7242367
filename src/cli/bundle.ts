/**
 * Build step: bundles the command line into dist/bin, since finding and reading 200 modules takes
 * longer than to run most of them. CommonJS, which starts faster and can come from V8's code cache
 * (code-cache.ts). The licenses of the packages that went in are written beside it.
 */

import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type OutputChunk, rolldown } from 'rolldown';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const TARGET = at('../bin');

async function bundle(): Promise<OutputChunk[]> {
  const build = await rolldown({
    input: at('main.js'),
    platform: 'node',
    external: /^node:/,
    preserveEntrySignatures: 'allow-extension',
    resolve: {
      alias: { assert: at('stand-in/assert.js'), 'string-width': at('stand-in/string-width.js') },
    },
    transform: { define: { 'import.meta.resolve': 'undefined' } },
  });
  const { output } = await build.write({
    dir: TARGET,
    format: 'cjs',
    charset: 'ascii',
    entryFileNames: 'main.js',
    chunkFileNames: '[name]-[hash].js',
    // What all commands use is one file, since each takes time to find.
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [
        { name: 'trapline', test: /dist.(?!cli)|assemblyscript|cli.(command|output|values).js/ },
      ],
    },
  });
  return output.filter((file) => file.type === 'chunk');
}

/** Folders of the packages that a chunk has modules of. */
function packagesOf({ moduleIds }: OutputChunk): string[] {
  return moduleIds.flatMap((id) => /^.*node_modules.(?:@[^/\\]+.)?[^/\\]+/.exec(id)?.[0] ?? []);
}

function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file === undefined ? '' : `\n\n${readFileSync(join(folder, file), 'utf8').trim()}`;
  return `${name} ${version}, license ${license}${text}\n`;
}

rmSync(TARGET, { recursive: true, force: true });
const folders = new Set((await bundle()).flatMap(packagesOf));
writeFileSync(join(TARGET, 'licenses.txt'), [...folders].sort().map(licenseOf).join('\n---\n\n'));
writeFileSync(join(TARGET, 'package.json'), '{ "type": "commonjs" }\n');
chmodSync(join(TARGET, 'main.js'), 0o755);
