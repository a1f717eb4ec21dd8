import t from 'tap';
import {
  createIsCommonPassword,
  readCommonPasswords,
} from '../../../auth-service/accounts/common-passwords.js';
import { createCheckPassword } from '../../../auth-service/accounts/password-policy.js';

const list = readCommonPasswords();
const check = createCheckPassword(createIsCommonPassword(list));

function judge(password: string, email = 'ann.wilson@kettle.example'): string {
  try {
    check(password, { email });
    return 'ok';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

t.test('the list that is shipped holds a few thousand words, in the spelling they are looked up in', (t) => {
  t.ok(list.size > 3000, `${list.size} words`);
  t.strictSame(
    [...list].filter((word) => word !== word.normalize('NFKC').toLowerCase()),
    [],
  );
  t.throws(() => readCommonPasswords('/nowhere'), { name: 'StartupError', message: /ENOENT/ });
  t.end();
});

t.test('length is counted in characters of the normal form, from 12 to 128', (t) => {
  t.equal(judge('q8#fLw2!zRk'), 'password_too_short');
  t.equal(judge('q8#fLw2!zRkv'), 'ok');
  t.equal(judge('🐴🔋📎🌻🍋🚲🎈🧭🪁🥁🧊'), 'password_too_short', '11, of two code units each');
  t.equal(judge('🐴🔋📎🌻🍋🚲🎈🧭🪁🥁🧊🪵'), 'ok');
  const long = Array.from({ length: 128 }, (_, i) => String.fromCodePoint(0x4e00 + i * i)).join('');
  t.equal(judge(long), 'ok');
  t.equal(judge(`${long}x`), 'password_too_long');
  t.equal(judge('q8fLw2zRkv\ufb03'), 'ok', 'one ligature is three letters');
  t.equal(judge('qa8e\u0301fLw2zRk'), 'password_too_short', 'letter and accent are one');
  t.end();
});

t.test('what anybody would try is refused, in whatever disguise', (t) => {
  const common = [
    ...['123456789012', '987654321098', '112233445566', '121212121212', '159753159753', '314159265359'],
    ...['qwertyuiop12', 'qwertyuiopasdf', '1q2w3e4r5t6y', '1qaz2wsx3edc', 'asdfghjkl123', 'zxcvbnm12345'],
    ...['aaaaaaaaaaaa', 'abcdefghijkl', 'abcabcabcabc', 'xyxyxyxyxyxy', 'zyxwvutsrqpo', 'aaaabbbbcccc'],
    ...[
      'password1234',
      'Password2024!',
      'PASSWORDPASSWORD',
      'p4$$w0rd1234',
      'P@ssw0rd!2024',
      'passwordispassword',
    ],
    ...['iloveyou1234', 'letmein12345', 'welcome@12345', 'Summer2025!!!', 'dragonmonkey99', '!!football!!12'],
    ...['2024-october-31', 'Adm1n1strator', 'ｐａｓｓｗｏｒｄ１２３４', 'correcthorsebatterystaple'],
  ];
  for (const password of common) t.equal(judge(password), 'password_too_common', password);
  t.end();
});

t.test('so is what is known of the account: the product, and the parts of the address', (t) => {
  for (const password of [
    'gatehouse1234',
    'Gatehouse-2024',
    'wilson-wilson',
    'kettle123456!',
    'annwilson2024',
  ])
    t.equal(judge(password), 'password_too_common', password);
  t.equal(judge('kettle-wilson-orbit-7', 'bob@example.test'), 'ok', 'of this account only');
  t.equal(judge('oxbow-oxbow12', 'me@oxbow.example'), 'password_too_common');
  t.equal(judge('oxbow-oxbow12'), 'ok');
  t.end();
});

t.test('what takes guessing is let through, however plain', (t) => {
  const good = [
    ...['correct horse battery staple', 'walnut-kettle-47-orbit', 'demo-password-please-change'],
    ...[
      '482913759184',
      'kX9#mQ2$vL7!',
      'summer-8375629104',
      'päßwörd-eins-zwei',
      '我的猫喜欢睡在窗台上面晒太阳',
    ],
  ];
  for (const password of good) t.equal(judge(password), 'ok', password);
  t.end();
});
