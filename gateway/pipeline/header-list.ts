/** Header names in lower case and values, alternating: `[name, value, name, value, …]`. Order and repeats are kept. */
export type HeaderList = readonly string[];
