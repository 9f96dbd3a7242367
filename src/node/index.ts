/** What needs Node: files, benchmark guests and the processor's module. Imported as `trapline/node`. */

export {
  type BenchGuest,
  type BenchRun,
  type BenchSetup,
  benchNames,
  CPU_BENCHMARKS,
  guestSource,
  isBuiltFor,
  MIXED_BENCHMARKS,
  NANOBENCHMARKS,
  PAGING_BENCHMARKS,
  readBench,
  runBench,
} from './bench-guest.ts';
export {
  type ClassifyTask,
  classifyInThreads,
  type ThreadOptions,
} from './classify-threads.ts';
export { FileError, readBytes, readIncluded, readText, writeError, writeFiles } from './files.ts';
export {
  assembleFile,
  attributed,
  type GuestFile,
  type GuestOptions,
  readGuest,
  readSymbols,
  type SourceOptions,
} from './guest-file.ts';
export { loadProcessorModule } from './wasm.ts';
