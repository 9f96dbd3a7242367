/** All preprocessor directives but the conditional ones, by name. */

import { CONTEXT_DIRECTIVES } from './context-directives.ts';
import { DEFINE_DIRECTIVES } from './define-directives.ts';
import type { Handler } from './directive.ts';
import { FILE_DIRECTIVES } from './file-directives.ts';
import { MACRO_DIRECTIVES } from './macro-directives.ts';
import { MESSAGE_DIRECTIVES } from './message-directives.ts';
import { STACK_DIRECTIVES } from './stack-directives.ts';
import { STRING_DIRECTIVES } from './string-directives.ts';

export const DIRECTIVES: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ...DEFINE_DIRECTIVES,
  ...STRING_DIRECTIVES,
  ...MACRO_DIRECTIVES,
  ...FILE_DIRECTIVES,
  ...MESSAGE_DIRECTIVES,
  ...CONTEXT_DIRECTIVES,
  ...STACK_DIRECTIVES,
]);
