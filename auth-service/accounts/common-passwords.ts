import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../kit/package-root.js';
import { StartupError } from '../../kit/startup-error.js';

/** Whether a password is one of the first that anybody would try, `contextWords` being common for this account too. */
export type IsCommonPassword = (password: string, contextWords: readonly string[]) => boolean;

const LIST_PATH = join('config', 'common-passwords.txt');

/** Digits and signs that stand for letters in passwords: `p4$$w0rd`, `adm1n`. */
const LOOKS_LIKE: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'l',
};
/** Two common words and some digits are still among the first guesses; three are not. */
const MAX_COMMON_WORDS = 2;
/** Digits and signs that are no sequence, repetition or list entry of their own. */
const MAX_OTHER_CHARACTERS = 5;
/** Below this a part of an address says nothing: initials, `of`, `my`. */
const MIN_WORD_LENGTH = 3;
/** A piece shorter than a password that is said again and again does not make one. */
const MAX_PERIOD = 11;

/** Reads the list that is shipped: words between white space, `#` for comments. Throws StartupError. */
export function readCommonPasswords(path = join(packageRoot(), LIST_PATH)): Set<string> {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    const words = lines.filter((line) => !line.startsWith('#')).flatMap((line) => line.split(/\s+/));
    return new Set(words.filter((word) => word !== ''));
  } catch (cause) {
    throw new StartupError(`cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

/**
 * Few of the commonest passwords have twelve characters; what people make of them when a form asks for twelve is as
 * guessable. So a password is common when it is on the list, repeats a short piece, runs along the alphabet, or holds
 * one or two common words and little else.
 */
export function createIsCommonPassword(list: ReadonlySet<string>): IsCommonPassword {
  return (password, contextWords) => {
    const folded = password.toLowerCase();
    const words = new Set(contextWords.filter((word) => word.length >= MIN_WORD_LENGTH));
    const isKnown = (word: string): boolean => list.has(word) || words.has(word);
    return (
      isKnown(folded) || isMonotonous(folded) || spellings(folded).some((text) => isFewWords(text, isKnown))
    );
  };
}

/** As typed, and with signs read as letters: all before the last letter, or all within the letters. */
function spellings(text: string): string[] {
  const read = (from: string): string =>
    from.replace(/[013457@$!|](?=.*\p{L})/gu, (sign) => LOOKS_LIKE[sign] ?? sign);
  const trimmed = text.replace(/^\P{L}+(?=\p{L})/u, '');
  return [text, read(text), read(trimmed), read(trimmed).replaceAll('1', 'l')];
}

/** Of one short piece over and over, or of few runs such as `aaaa`, `1234`, `dcba`. */
function isMonotonous(text: string): boolean {
  const points = [...text];
  for (let period = 1; period <= Math.min(MAX_PERIOD, points.length / 2); period++) {
    if (points.every((point, i) => point === points[i % period])) return true;
  }
  const steps = points.slice(1).map((point, i) => codePoint(point) - codePoint(points[i]));
  const breaks = steps.slice(1).filter((step, i) => step !== steps[i]).length;
  return breaks <= points.length / 3;
}

const codePoint = (text: string | undefined): number => text?.codePointAt(0) ?? 0;

function isFewWords(text: string, isKnown: (word: string) => boolean): boolean {
  let words = 0;
  let others = 0;
  for (const [part] of text.matchAll(/\p{L}+|\p{Nd}+|[^\p{L}\p{Nd}]+/gu)) {
    if (/\p{L}/u.test(part)) words += wordsIn(part, isKnown);
    else if (!isKnown(part) && !isMonotonous(part)) others += part.length;
  }
  return words <= MAX_COMMON_WORDS && others <= MAX_OTHER_CHARACTERS;
}

/** How many known words make up this one; infinite when they do not. */
function wordsIn(text: string, isKnown: (word: string) => boolean): number {
  if (isKnown(text) || isMonotonous(text)) return 1;
  for (let at = MIN_WORD_LENGTH; at <= text.length - MIN_WORD_LENGTH; at++) {
    if (isKnown(text.slice(0, at)) && isKnown(text.slice(at))) return 2;
  }
  return Number.POSITIVE_INFINITY;
}
