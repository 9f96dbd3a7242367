/**
 * The keys of a PC keyboard (the 104 of the US one, and the one beside a short left Shift) and what they send (IBM PS/2 Hardware Interface Technical Reference,
 * Keyboard, Scan Code Sets). Names are those of KeyboardEvent.code in browsers.
 */

/** Codes of a key in scan code sets 2 and 3. Set 1 follows from set 2 by the controller's translation. */
export interface KeyCodes {
  /** What it sends when it is pressed, and when it is released. */
  readonly make: readonly number[];
  readonly break: readonly number[];
  readonly set3: number;
}

const EXTENDED = 0xe0;
const RELEASE = 0xf0;

/** An ordinary key; codes below 0x100 that set 3 gives another number have it behind. */
function plain(code: number, set3 = code): KeyCodes {
  return { make: [code], break: [RELEASE, code], set3 };
}

/** A key that the first keyboards did not have, or not at this place. */
function extended(code: number, set3: number): KeyCodes {
  return { make: [EXTENDED, code], break: [EXTENDED, RELEASE, code], set3 };
}

// biome-ignore format: rows of the keyboard.
export const KEYS = {
  Escape: plain(0x76, 0x08),
  F1: plain(0x05, 0x07), F2: plain(0x06, 0x0f), F3: plain(0x04, 0x17), F4: plain(0x0c, 0x1f),
  F5: plain(0x03, 0x27), F6: plain(0x0b, 0x2f), F7: plain(0x83, 0x37), F8: plain(0x0a, 0x3f),
  F9: plain(0x01, 0x47), F10: plain(0x09, 0x4f), F11: plain(0x78, 0x56), F12: plain(0x07, 0x5e),
  PrintScreen: {
    make: [0xe0, 0x12, 0xe0, 0x7c],
    break: [0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12],
    set3: 0x57,
  },
  ScrollLock: plain(0x7e, 0x5f),
  Pause: { make: [0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77], break: [], set3: 0x62 },

  Backquote: plain(0x0e), Digit1: plain(0x16), Digit2: plain(0x1e), Digit3: plain(0x26),
  Digit4: plain(0x25), Digit5: plain(0x2e), Digit6: plain(0x36), Digit7: plain(0x3d),
  Digit8: plain(0x3e), Digit9: plain(0x46), Digit0: plain(0x45), Minus: plain(0x4e),
  Equal: plain(0x55), Backspace: plain(0x66),

  Tab: plain(0x0d), KeyQ: plain(0x15), KeyW: plain(0x1d), KeyE: plain(0x24), KeyR: plain(0x2d),
  KeyT: plain(0x2c), KeyY: plain(0x35), KeyU: plain(0x3c), KeyI: plain(0x43), KeyO: plain(0x44),
  KeyP: plain(0x4d), BracketLeft: plain(0x54), BracketRight: plain(0x5b),
  Backslash: plain(0x5d, 0x5c),

  CapsLock: plain(0x58, 0x14), KeyA: plain(0x1c), KeyS: plain(0x1b), KeyD: plain(0x23),
  KeyF: plain(0x2b), KeyG: plain(0x34), KeyH: plain(0x33), KeyJ: plain(0x3b), KeyK: plain(0x42),
  KeyL: plain(0x4b), Semicolon: plain(0x4c), Quote: plain(0x52), Enter: plain(0x5a),

  ShiftLeft: plain(0x12), IntlBackslash: plain(0x61, 0x13), KeyZ: plain(0x1a), KeyX: plain(0x22),
  KeyC: plain(0x21), KeyV: plain(0x2a), KeyB: plain(0x32), KeyN: plain(0x31), KeyM: plain(0x3a),
  Comma: plain(0x41), Period: plain(0x49), Slash: plain(0x4a), ShiftRight: plain(0x59),

  ControlLeft: plain(0x14, 0x11), MetaLeft: extended(0x1f, 0x8b), AltLeft: plain(0x11, 0x19),
  Space: plain(0x29), AltRight: extended(0x11, 0x39), MetaRight: extended(0x27, 0x8c),
  ContextMenu: extended(0x2f, 0x8d), ControlRight: extended(0x14, 0x58),

  Insert: extended(0x70, 0x67), Home: extended(0x6c, 0x6e), PageUp: extended(0x7d, 0x6f),
  Delete: extended(0x71, 0x64), End: extended(0x69, 0x65), PageDown: extended(0x7a, 0x6d),
  ArrowUp: extended(0x75, 0x63), ArrowLeft: extended(0x6b, 0x61), ArrowDown: extended(0x72, 0x60),
  ArrowRight: extended(0x74, 0x6a),

  NumLock: plain(0x77, 0x76), NumpadDivide: extended(0x4a, 0x77), NumpadMultiply: plain(0x7c, 0x7e),
  NumpadSubtract: plain(0x7b, 0x84), Numpad7: plain(0x6c), Numpad8: plain(0x75),
  Numpad9: plain(0x7d), NumpadAdd: plain(0x79, 0x7c), Numpad4: plain(0x6b), Numpad5: plain(0x73),
  Numpad6: plain(0x74), Numpad1: plain(0x69), Numpad2: plain(0x72), Numpad3: plain(0x7a),
  NumpadEnter: extended(0x5a, 0x79), Numpad0: plain(0x70), NumpadDecimal: plain(0x71),
} as const satisfies Record<string, KeyCodes>;

/** The name of a key. */
export type Key = keyof typeof KEYS;
