/** Makes the writer of a trace. */

import { JsonLines } from './json-lines.ts';
import { Perfetto } from './perfetto.ts';
import { TextTrace } from './text-trace.ts';
import type { TraceContext, TraceWriter } from './trace-writer.ts';

export const TRACE_FORMATS = ['text', 'jsonl', 'perfetto'] as const;
export type TraceFormat = (typeof TRACE_FORMATS)[number];

const WRITERS: Readonly<Record<TraceFormat, new (context: TraceContext) => TraceWriter>> = {
  text: TextTrace,
  jsonl: JsonLines,
  perfetto: Perfetto,
};

export function createTrace(format: TraceFormat, context: TraceContext): TraceWriter {
  return new WRITERS[format](context);
}
