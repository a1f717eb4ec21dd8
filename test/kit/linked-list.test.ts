import t from 'tap';
import { LinkedList } from '../../kit/linked-list.js';

t.test('values are in the order in which they came, without those that have left', async (t) => {
  const list = new LinkedList<string>();
  t.strictSame([...list], []);
  const places = ['a', 'b', 'c', 'd'].map((value) => list.add(value));
  t.strictSame([...list], ['a', 'b', 'c', 'd']);
  places[1]?.leave();
  t.strictSame([...list], ['a', 'c', 'd']);
  places[0]?.leave();
  places[3]?.leave();
  t.strictSame([...list], ['c']);
  list.add('e');
  t.strictSame([...list], ['c', 'e']);
  places[2]?.leave();
  t.strictSame([...list], ['e']);
});

t.test('leaving twice takes nobody else out', async (t) => {
  const list = new LinkedList<string>();
  const place = list.add('a');
  place.leave();
  list.add('b');
  place.leave();
  t.strictSame([...list], ['b']);
});

t.test('who goes through it may take values out and add some', async (t) => {
  const list = new LinkedList<string>();
  const places = ['a', 'b', 'c'].map((value) => list.add(value));
  const seen: string[] = [];
  for (const value of list) {
    seen.push(value);
    for (const place of places) place.leave();
    list.add('later');
  }
  t.strictSame(seen, ['a', 'b', 'c']);
  t.strictSame([...list], ['later', 'later', 'later']);
});
