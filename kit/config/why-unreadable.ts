/** What the file system says, in words. */
export function whyUnreadable(error: unknown): string {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file or folder';
  return code === 'EACCES' ? 'this account may not read it' : code;
}
