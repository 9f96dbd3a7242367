/** Variants of the instruction set as options name them: built in, or a file. */

import {
  PLAIN_VARIANT,
  parseVariant,
  VARIANT_NAMES,
  VariantError,
  variantNamed,
  type X86Variant,
} from '../index.ts';
import { readText } from '../node/index.ts';
import { UsageError } from './usage-error.ts';

export const PLAIN_NAME = 'x86';

/** The variant that `text` names. */
export function parseVariantOption(option: string, text: string): X86Variant {
  if (text === PLAIN_NAME) return PLAIN_VARIANT;
  const named = variantNamed(text);
  if (named !== undefined) return named;
  if (text === 'vtx') {
    throw new UsageError(
      `--${option}: the variant vtx needs VT-x, which this machine does not have yet`,
    );
  }
  if (!text.endsWith('.json')) {
    const names = [PLAIN_NAME, ...VARIANT_NAMES, 'vtx'].join(', ');
    throw new UsageError(`--${option}: '${text}' is not one of ${names}, nor a file .json`);
  }
  try {
    return parseVariant(readText(text), text);
  } catch (error) {
    if (error instanceof VariantError) throw new UsageError(error.message);
    throw error;
  }
}
