/** What needs Node: files and the processor's module. Imported as `trapline/node`. */

export { FileError, readBytes, readIncluded, readText, writeWhole } from './files.ts';
export { assembleFile, type GuestFile, readGuest, type SourceOptions } from './guest-file.ts';
export { loadProcessorModule } from './wasm.ts';
