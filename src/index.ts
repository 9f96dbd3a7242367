/**
 * Trapline as a library: an x86-64 machine, its assembler and its disassembler. Runs in Node and in
 * browsers; what needs Node's files is in `trapline/node`.
 *
 *   import { assemble, flatImage, loadImage, Pc } from 'trapline';
 *   import { loadProcessorModule } from 'trapline/node';
 *
 *   const { bytes } = assemble(source, { file: 'hello.asm' });
 *   const pc = new Pc(loadProcessorModule(), { com1: (byte) => output.push(byte) });
 *   loadImage(pc.machine, flatImage(bytes));
 *   const end = pc.machine.run(); // { kind: 'exit', status: 1 }
 */

export { type Assembly, assemble, type SymbolMap } from './assembler/assemble.ts';
export {
  AssemblyError,
  type Diagnostic,
  type Expansion,
  formatDiagnostic,
  type Position,
} from './assembler/diagnostics.ts';
export type {
  AssembleOptions,
  FormatName,
  IncludedFile,
  ReadFile,
} from './assembler/options.ts';
export { StateError } from './base/state.ts';
export { EVENT_NAMES } from './base/vector.ts';
export {
  type ComparedRun,
  type CompareOptions,
  type Comparison,
  compareGuest,
  type Progress,
  type RunOutcome,
} from './compare/compare.ts';
export {
  compareDomains,
  type DomainComparison,
  type DomainOutcome,
} from './compare/compare-domains.ts';
export type { Difference } from './compare/difference.ts';
export type { DomainDifference } from './compare/domain-difference.ts';
export type { DomainDivergence, DomainPair } from './compare/domain-lockstep.ts';
export type { DomainSetup } from './compare/domain-participant.ts';
export type { GuestInstruction } from './compare/guest-instruction.ts';
export type { GuestSetup } from './compare/guest-setup.ts';
export type { Divergence } from './compare/lockstep.ts';
export type { Column } from './compare/participant.ts';
export {
  type FormTechniques,
  tryTechniques,
  type WitnessRun,
} from './compare/witness-techniques.ts';
export { FwCfgItems, FwCfgKey, isFwCfgFileName } from './devices/fw-cfg-items.ts';
export { KEYS, type Key } from './devices/keys.ts';
export {
  type CodePart,
  type DisassembleOptions,
  disassemble,
  disassembleParts,
  instructionSet,
  type Line,
  type PartsOptions,
} from './disassembler/disassemble.ts';
export {
  formatListing as formatDisassembly,
  formatSections,
  type SectionLines,
} from './disassembler/listing.ts';
export { ElfError } from './elf/elf-error.ts';
export { type ElfFile, isElf, readElf } from './elf/elf-file.ts';
export { dumpRegisters } from './explain/registers.ts';
export { explainEnd, explainStop } from './explain/run-end.ts';
export { explainFaults } from './explain/shutdown.ts';
export type { BootArguments, BootModule } from './image/boot-arguments.ts';
export { describeKernel } from './image/firmware-items.ts';
export { DEFAULT_LOAD_ADDRESS, flatImage } from './image/flat.ts';
export {
  ENTRY_MODES,
  type EntryMode,
  IMAGE_FORMATS,
  type Image,
  ImageError,
  type ImageFormat,
  type ImageOptions,
  type Segment,
} from './image/image.ts';
export { loadImage } from './image/load.ts';
export { parseImage } from './image/parse.ts';
export type { Insn } from './isa/row.ts';
export { ROWS } from './isa/table.ts';
export {
  Bus,
  type MmioDevice,
  type MmioSize,
  type PortDevice,
  type PortSize,
} from './machine/bus.ts';
export { Clock, type Timer } from './machine/clock.ts';
export { type Counters, readCounters } from './machine/counters.ts';
export { CpuView, GPR_NAMES, SEGMENT_NAMES, type SegmentState } from './machine/cpu-view.ts';
export {
  checkDram,
  DRAM_DEFAULTS,
  DRAM_KEYS,
  DramError,
  type DramOptions,
} from './machine/dram/geometry.ts';
export type { DramCounters } from './machine/dram/rows.ts';
export {
  createExecutor,
  type ExecReply,
  type ExecResult,
  type ExecTrap,
  type Executor,
} from './machine/exec.ts';
export { EXEC_DEFAULTS } from './machine/exec-registers.ts';
export type { FaultRecord, ReadEntry, TssStack } from './machine/fault-chain.ts';
export { DEFAULT_FEATURES, FEATURE_NAMES } from './machine/features.ts';
export { MemoryError } from './machine/instance.ts';
export {
  DEFAULT_RAM,
  MAX_RAM,
  Machine,
  MachineError,
  type MachineOptions,
  MIN_RAM,
  type RunEnd,
} from './machine/machine.ts';
export { MachineMemory } from './machine/memory.ts';
export { type MemoryRange, memoryMap } from './machine/memory-map.ts';
export { Processor } from './machine/processor.ts';
export { Board, type BoardOptions, type ByteSink, START_DATE } from './pc/board.ts';
export { CP437 } from './pc/cp437.ts';
export type { GuestBoard, TerminalEnd } from './pc/guest-board.ts';
export type { KeyboardPort } from './pc/keyboard-port.ts';
export { Pc, type PcOptions, type PcState } from './pc/pc.ts';
export type { SerialPort } from './pc/serial-port.ts';
export type { TextScreen } from './pc/text-screen.ts';
export { type KeyStroke, strokeOf } from './pc/us-layout.ts';
export { assembledSymbols } from './symbols/assembled-symbols.ts';
export { type CodeGroup, elfCode } from './symbols/elf-code.ts';
export { elfSymbols } from './symbols/elf-symbols.ts';
export { readSymbolFile, SymbolFileError } from './symbols/symbol-file.ts';
export { type CodeSymbol, SymbolTable } from './symbols/symbol-table.ts';
export { createTrace, TRACE_FORMATS, type TraceFormat } from './trace/create-trace.ts';
export type { TraceContext, TraceWriter } from './trace/trace-writer.ts';
export {
  type Classification,
  type ClassifyOptions,
  classify,
  classifyForm,
  DEFAULT_SEED,
  DEFAULT_STATES,
  type FormReport,
  summarize,
} from './virtualizability/classify.ts';
export {
  type ClassDifference,
  type ClassificationDifference,
  compareClassifications,
} from './virtualizability/differences.ts';
export type { Evidence, Finding, Witness } from './virtualizability/evidence.ts';
export type { ClassName, FormClass } from './virtualizability/form-class.ts';
export {
  type Form,
  type MachineUnderTest,
  MODE,
  type Outcome,
  type ProgramMode,
  type Situation,
} from './virtualizability/machine-under-test.ts';
export type { ClassifiedForm, MnemonicReport } from './virtualizability/mnemonics.ts';
export type { Verdict } from './virtualizability/theorems.ts';
export { type ClaimDifference, compareWithClaims } from './virtualizability/x86/claims.ts';
export { compareWithLists, type ListComparison } from './virtualizability/x86/comparison.ts';
export {
  type ExplainedRun,
  type Explanation,
  explain,
  tellingFindings,
} from './virtualizability/x86/explanation.ts';
export { guestProgram } from './virtualizability/x86/guest-program.ts';
export { X86_MODE_NAMES, X86_MODES, type X86Mode } from './virtualizability/x86/modes.ts';
export {
  PLAIN as PLAIN_VARIANT,
  parseVariant,
  VARIANT_NAMES,
  VariantError,
  variantNamed,
  variantRows,
  type X86Variant,
} from './virtualizability/x86/variant.ts';
export { X86Machine } from './virtualizability/x86/x86-machine.ts';
export type { DirectCounters } from './vmm/direct/counters.ts';
export { EXIT_NUMBERS, type ExitName } from './vmm/exits/exit-reasons.ts';
export type { ExitAction, ExitRecord, ExitSink, HostTime } from './vmm/exits/exit-record.ts';
export { type ExitCount, ExitStatistics } from './vmm/exits/exit-statistics.ts';
export type { Qualification } from './vmm/exits/qualification.ts';
export { OutOfFrames } from './vmm/frames.ts';
export { guestFeatures } from './vmm/full-engine.ts';
export type { HostOptions } from './vmm/host.ts';
export { FULL_TECHNIQUES, type FullTechnique } from './vmm/monitor.ts';
export { DomainBoard, type DomainBoardOptions } from './vmm/para/domain-board.ts';
export { PvDomain } from './vmm/para/pv-domain.ts';
export { PATCH_JUMPS, type PatchJumps } from './vmm/patch/code-copy.ts';
export type { PatchCounters } from './vmm/patch/patched-code.ts';
export { MAX_WEIGHT, Scheduler, type Step, type Task } from './vmm/scheduler.ts';
export {
  SHADOW_FILLS,
  SHADOW_SYNCS,
  type ShadowFill,
  type ShadowSize,
  type ShadowSync,
} from './vmm/shadow/shadow.ts';
export type { ShadowCounters } from './vmm/shadow/shadow-counters.ts';
export {
  createVirtualMachine,
  createVirtualMachines,
  type FullVirtualMachine,
  type ParaVirtualMachine,
  type VirtualMachine,
  type VmState,
} from './vmm/virtual-machine.ts';
export { VirtualPc, type VirtualPcOptions, type VirtualPcState } from './vmm/virtual-pc.ts';
export {
  CPU_TECHNIQUES,
  type CpuTechnique,
  type FullVmOptions,
  MEMORY_TECHNIQUES,
  type MemoryTechnique,
  type ParaVmOptions,
  type VmOptions,
} from './vmm/vm-options.ts';
export { CHECK_GROUPS, type CheckGroup, type EntryCheck } from './vmx/check.ts';
export { type CheckExplanation, ENTRY_CHECKS, entryCheck, explainCheck } from './vmx/checks.ts';
