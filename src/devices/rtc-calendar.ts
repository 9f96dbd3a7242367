/**
 * The clock registers of an MC146818 (Motorola MC146818A, Time, Calendar and Alarm Locations): how they
 * are encoded, and how they count. They are bytes of the chip's memory that hold whatever was written,
 * until the next update reads them in the format that register B names.
 */

const SECONDS = 0x00;
const SECONDS_ALARM = 0x01;
const MINUTES = 0x02;
const MINUTES_ALARM = 0x03;
const HOURS = 0x04;
const HOURS_ALARM = 0x05;
const WEEKDAY = 0x06; // 1 is Sunday
const DAY = 0x07;
const MONTH = 0x08;
const YEAR = 0x09;
/** In the chip just memory; south bridges count it, and ACPI's FADT names it. */
export const CENTURY = 0x32;

export const REG_B_24H = 0x02; // hours 0 to 23
export const REG_B_BINARY = 0x04; // binary, not BCD

const HOUR_PM = 0x80;
const ALARM_ANY = 0xc0; // an alarm byte from here on matches everything

const SECONDS_PER_DAY = 86_400;

/** Memory that holds the registers. */
export type ClockBytes = Uint8Array;

/** A format of the registers: bits of register B. */
class Format {
  readonly #isBinary: boolean;
  readonly #is24Hour: boolean;

  constructor(registerB: number) {
    this.#isBinary = (registerB & REG_B_BINARY) !== 0;
    this.#is24Hour = (registerB & REG_B_24H) !== 0;
  }

  decode(byte: number): number {
    return this.#isBinary ? byte : (byte >> 4) * 10 + (byte & 15);
  }

  encode(value: number): number {
    return this.#isBinary ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  decodeHour(byte: number): number {
    if (this.#is24Hour) return this.decode(byte);
    return (this.decode(byte & ~HOUR_PM) % 12) + (byte & HOUR_PM ? 12 : 0);
  }

  encodeHour(hour: number): number {
    if (this.#is24Hour) return this.encode(hour);
    return this.encode(hour % 12 || 12) | (hour >= 12 ? HOUR_PM : 0);
  }
}

/** Writes the date and time of `ms`, milliseconds since 1970 (UTC). */
export function writeDate(bytes: ClockBytes, registerB: number, ms: number): void {
  const format = new Format(registerB);
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  bytes[SECONDS] = format.encode(date.getUTCSeconds());
  bytes[MINUTES] = format.encode(date.getUTCMinutes());
  bytes[HOURS] = format.encodeHour(date.getUTCHours());
  bytes[WEEKDAY] = format.encode(date.getUTCDay() + 1);
  bytes[DAY] = format.encode(date.getUTCDate());
  bytes[MONTH] = format.encode(date.getUTCMonth() + 1);
  bytes[YEAR] = format.encode(year % 100);
  bytes[CENTURY] = format.encode(Math.floor(year / 100) % 100);
}

/** Counts `seconds` updates. The weekday goes on from what it was set to. */
export function countSeconds(bytes: ClockBytes, registerB: number, seconds: number): void {
  const format = new Format(registerB);
  const weekday = format.decode(at(bytes, WEEKDAY));
  const before = readDate(bytes, format);
  const after = before + seconds * 1000;
  writeDate(bytes, registerB, after);
  const days = dayOf(after) - dayOf(before);
  bytes[WEEKDAY] = format.encode(((weekday + days + 6) % 7) + 1);
}

function dayOf(ms: number): number {
  return Math.floor(ms / (SECONDS_PER_DAY * 1000));
}

/** Milliseconds since 1970; what is out of range counts on into the next unit. */
function readDate(bytes: ClockBytes, format: Format): number {
  const field = (index: number): number => format.decode(at(bytes, index));
  const date = new Date(0);
  date.setUTCFullYear(field(CENTURY) * 100 + field(YEAR), field(MONTH) - 1, field(DAY));
  return date.setUTCHours(format.decodeHour(at(bytes, HOURS)), field(MINUTES), field(SECONDS));
}

/** Updates until the time matches the alarm, 1 to 86400; undefined if it never does. */
export function secondsToAlarm(bytes: ClockBytes, registerB: number): number | undefined {
  const format = new Format(registerB);
  const matches = (alarm: number, byte: number): boolean =>
    at(bytes, alarm) >= ALARM_ANY || at(bytes, alarm) === byte;
  const ms = readDate(bytes, format);
  const now = Math.floor(ms / 1000) - dayOf(ms) * SECONDS_PER_DAY;
  for (let time = now + 1; time <= now + SECONDS_PER_DAY; ) {
    const [hour, minute] = [Math.floor(time / 3600) % 24, Math.floor(time / 60) % 60];
    if (!matches(HOURS_ALARM, format.encodeHour(hour))) time += 3600 - (time % 3600);
    else if (!matches(MINUTES_ALARM, format.encode(minute))) time += 60 - (time % 60);
    else if (!matches(SECONDS_ALARM, format.encode(time % 60))) time++;
    else return time - now;
  }
  return undefined;
}

function at(bytes: ClockBytes, index: number): number {
  return bytes[index] ?? 0;
}
