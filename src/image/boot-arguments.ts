/** What the user gives a kernel on its way: a command line and files. */

/** A file that is loaded beside the kernel. */
export interface BootModule {
  readonly name: string;
  /** Its own command line. */
  readonly text: string;
  readonly bytes: Uint8Array;
}

export interface BootArguments {
  /** Name of the image. */
  readonly program?: string;
  readonly commandLine?: string;
  readonly modules?: readonly BootModule[];
}
