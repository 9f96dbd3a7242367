/**
 * Structures of a C header as they lie in memory, by the x86-64 ABI (System V, 3.1 Data Representation): each field
 * at the next multiple of its alignment, the whole a multiple of the largest. A structure is declared once, with the
 * names that the header gives, and reads and writes itself.
 */

/** A type: how large it is, and how a value of it is read and written. `W` is what may be written. */
export interface Field<R, W = R> {
  readonly size: number;
  readonly align: number;
  read(view: DataView, at: number): R;
  write(view: DataView, at: number, value: W): void;
}

// biome-ignore lint/suspicious/noExplicitAny: a field of any type.
type AnyField = Field<any, any>;
type Fields = Readonly<Record<string, AnyField>>;
type ReadOf<F> = F extends Field<infer R, never> ? R : never;
type WrittenOf<F> = F extends Field<unknown, infer W> ? W : never;

/** A structure or a union. Of what is written, fields that are not given stay as they are. */
export interface Structure<F extends Fields>
  extends Field<
    { -readonly [K in keyof F]: ReadOf<F[K]> },
    { readonly [K in keyof F]?: WrittenOf<F[K]> }
  > {
  /** What C calls it; empty for one that has a name only as a field. */
  readonly name: string;
  readonly fields: F;
  readonly offsets: { readonly [K in keyof F]: number };
}

type Getter = 'getUint8' | 'getUint16' | 'getUint32' | 'getInt8' | 'getInt32';
type Setter = 'setUint8' | 'setUint16' | 'setUint32' | 'setInt8' | 'setInt32';

function integer(size: number, get: Getter, set: Setter): Field<number> {
  return {
    size,
    align: size,
    read: (view, at) => view[get](at, true),
    write: (view, at, value) => view[set](at, value, true),
  };
}

export const u8 = integer(1, 'getUint8', 'setUint8');
export const u16 = integer(2, 'getUint16', 'setUint16');
export const u32 = integer(4, 'getUint32', 'setUint32');
export const i8 = integer(1, 'getInt8', 'setInt8');
export const i32 = integer(4, 'getInt32', 'setInt32');

/** Also unsigned long, frame numbers and pointers. */
export const u64: Field<bigint> = {
  size: 8,
  align: 8,
  read: (view, at) => view.getBigUint64(at, true),
  write: (view, at, value) => view.setBigUint64(at, value, true),
};

/** Bytes, as of a string: a copy is read, and fewer may be written. */
export function bytes(size: number): Field<Uint8Array> {
  const place = (view: DataView, at: number) =>
    new Uint8Array(view.buffer, view.byteOffset + at, size);
  return {
    size,
    align: 1,
    read: (view, at) => place(view, at).slice(),
    write: (view, at, value) => place(view, at).set(value),
  };
}

/** Of what is written, elements behind the last stay as they are. */
export function array<R, W>(
  element: Field<R, W>,
  count: number,
): Field<R[], readonly W[]> & { readonly element: Field<R, W> } {
  const { size, align } = element;
  return {
    element,
    size: size * count,
    align,
    read: (view, at) => Array.from({ length: count }, (_, n) => element.read(view, at + n * size)),
    write: (view, at, values) => {
      for (const [n, value] of values.entries()) element.write(view, at + n * size, value);
    },
  };
}

/** A structure with these fields in this order. */
export function struct<F extends Fields>(name: string, fields: F): Structure<F> {
  let end = 0;
  const offsets = Object.entries(fields).map(([, { size, align }]) => {
    const at = Math.ceil(end / align) * align;
    end = at + size;
    return at;
  });
  return place(name, fields, offsets, end);
}

/** Fields that share one place. */
export function union<F extends Fields>(fields: F): Structure<F> {
  const list = Object.values(fields);
  const end = Math.max(...list.map(({ size }) => size));
  return place(
    '',
    fields,
    list.map(() => 0),
    end,
  );
}

function place<F extends Fields>(
  name: string,
  fields: F,
  places: readonly number[],
  end: number,
): Structure<F> {
  const list = Object.entries(fields).map(([key, field], n) => ({
    key,
    field,
    at: places[n] ?? 0,
  }));
  const align = Math.max(...list.map(({ field }) => field.align));
  return {
    name,
    fields,
    offsets: Object.fromEntries(list.map(({ key, at }) => [key, at])) as Structure<F>['offsets'],
    size: Math.ceil(end / align) * align,
    align,
    read: (view, at) => {
      const value: Record<string, unknown> = {};
      for (const one of list) value[one.key] = one.field.read(view, at + one.at);
      return value as ReturnType<Structure<F>['read']>;
    },
    write: (view, at, value) => {
      const given: Readonly<Record<string, unknown>> = value;
      for (const { key, field, at: offset } of list) {
        if (given[key] !== undefined) field.write(view, at + offset, given[key]);
      }
    },
  };
}
