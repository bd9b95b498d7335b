// Texts that a person may type, with all that some renderer makes something else of.

export const TYPED = [
  'C:\\Users\\anna\\.config', '\\\\fileserver\\dept_share', '__init__.py', 'Name: Anna\nDesk: 4\nPhone: 1',
  '  indented\n\ttoo\n        code?', '1. one\n2) two\n- three\n+ four\n* five', '# a\n> b\n===\n---\n***\n- - -',
  'a | b\n--|--\n1 | 2', 'a\n-:', '```\nfence\n~~~', '[x](y) ![z](w) [^1]\n\n[^1]: note\n\n[1]: /u "t"',
  '<b and c> a < b > c <script>alert(1)</script>', '&amp; &eacute; &#65; & co', 'it\'s "so" (c) (tm) ... -- --- +- ????? !!!! ,,',
  '$$x$$ \\(y\\) \\[z\\]', 'see https://a.example/b_c*d?e=1&copy;=2, www.a.example/_x_ and ana_b@example.com!',
  'https://a.example/\\_x `y` http:// www. x@ README.md a.example/b_c?d=%41 xn--p1ai.example', '[link]{aria-label="x"} { aria-label }',
  'a\\\nb\\', 'look!https://a.example !www.a.example', 'one\n\n\n\ntwo', '😀 שלום \u00a0x\u3000', '~x~ ~~y~~ 2*3*4 snake_case_name _x_', '- [ ] task\n- [x] done',
  '\u200bzero\u200b width\u200d \u2060 \ufeff', '\u200fשלום\u200e x \u202eabc\u202c \u2066y\u2069', 'one\u2028two\u2029three\u0085four', 'a\u000bb\u000cc\rd\r\ne',
  '\u00a0\u00a0two nbsp\u00a0', '\t\ttabs\tin\t\tit', '1. one\n1.two\n10. ten\n1999. year\n-1. x\n1) a\n1)b', 'Head\n====\nSub\n----\n\nx\n- -', '| a | b |\n| - | - |\n| 1 | 2 |\n|x|',
  'Name | Desk\n:--- | ---:\nAna | 4', ':smile: :+1: :) ;-) <3 :-D', 'x[^1] and ^[inline]\n\n[^1]: note\n    more', '$a_b$ $$\\frac{1}{2}$$ \\[x\\] `$a$`', 'a<b>c <b d< e <!-- f --> <!DOCTYPE g> <?h?> <i',
  'ana.maria+x@mail.example.org <ana@example.com> mailto:ana@example.com xmpp:a@b.example', `${'long line with words, '.repeat(120)}end`, 'x'.repeat(3000), '*'.repeat(40), '`'.repeat(7), '<'.repeat(30),
  'H~2~O x^2^ ==mark== ++ins++ ||spoiler|| {#id .c}', '> [!NOTE]\n> quoted\n>> twice', '<details><summary>x</summary>', '&nbsp;&lt;b&gt;&#0;&#x41;&notit;&copy', '# \n#\n#x\n####### seven', '***\n* * *\n_ _ _\n___',
  '\\\\server\\share\\*.txt \\_ \\` \\[ \\<', '[a]: https://a.example "t"\n[a]', '![](https://a.example/a.png) [](x) [ ](y)', '<https://a.example/x> <mailto:a@b.example> <a.b>', 'https://a.example/(x)_[y]|z~w^v"u\'t', 'http://user:pw@a.example:80/?a=<b>&c={d}',
  '// comment\n/* x */ /a/b/ ~/c', 'if (a && b || !c) { d[i] = *p++; } // e', 'SELECT * FROM t WHERE a_b LIKE \'%\\_%\' -- c', '{"a": ["b", 1.5e-3, null], "c": "\\n"}', '<div class="x">\n  <p>y\n</div', 'C:\\>dir *.* /s | more',
];

const BEGINS = ['', ' ', '   ', '    ', '\t', ' \t ', '- ', '* ', '+ ', '1. ', '2) ', '0. ', '999999999. ', '- [ ] ', '- [x] ', '> ', '>>', '# ', '###### ', '=', '===', '---', '***', '___',
  '```', '~~~', '|', '[^1]: ', '[a]: ', ': ', '<div>', '<!--', '> [!NOTE]', '\u00a0', '\u200b', '\u3000'];
const WITHIN = ['*a*', '_a_', '__a__', '**a**', '***', '~~a~~', '~a~', '`a`', '``', '$a$', '$$a$$', '\\', '\\\\', '\\*', '\\n', '&amp;', '&eacute;', '&#65;', '&copy', '&', '<b>', '<b', '<a href="x">', '<!-- a -->', '<?a?>',
  '<https://a.example>', '<a@a.example>', 'https://a.example/x_y*z?q=1&lt=2#f', 'http://', 'www.a.example/_x_', 'www.', 'ana@a.example', 'mailto:a@a.example', 'a.example', '[a](b)', '![a](b)', '[a][b]', '[^1]', '^[a]', '[ ]', '|', 'a|b',
  '--|--', ':-:', ':smile:', 'H~2~O', 'x^2^', '||a||', '{#id}', '==a==', '@ana', '#1', '...', '--', '(c)', '"so"', '\'', '{aria-label="x"}'];
const SIGNS = ['\u000b', '\u000c', '\u007f', '\u0085', '\u00a0', '\u00ad', 'e\u0301', '\u200b', '\u200c', '\u200d', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202e', '\u2066', '\u2069', '\u2060', '\u3000', '\ufeff', '\ufffd', '\ue000',
  '👨\u200d👩', '🇩🇪', 'שלום', 'مرحبا'];
const ENDS = ['\n', '\r\n', '\r', '\n\n', '  \n', '\\\n', '\t\n', '\u2028', '\n \n'];
const MARKS = '\\`*_[]<>|~"\'@&#+=.(){}!?$:/,;%^- \n\t';

// Text of any signs, the same for the same seed. What is balanced HTML is read as such, and so is none of these.
export function* anyTexts(count, seed) {
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const one = (list) => list[Math.floor(random() * list.length)];
  const sign = () => {
    const kind = random();
    if (kind < 0.3) return one(MARKS);
    if (kind < 0.5) return String.fromCharCode(32 + Math.floor(random() * 95));
    if (kind < 0.75) return one(WITHIN);
    if (kind < 0.85) return one(SIGNS);
    const point = Math.floor(random() * (random() < 0.8 ? 0x3000 : 0x10ffff));
    // Web Chat keeps the two brackets for itself, controls have no look, and half a pair is no sign.
    const odd = point < 32 || (point > 126 && point < 160) || (point >= 0xd800 && point < 0xe000) || point === 0x27ec || point === 0x27ed;
    return odd ? 'x' : String.fromCodePoint(point);
  };
  const line = () => one(BEGINS) + Array.from({ length: Math.floor(random() * 8) }, sign).join('') + one(ENDS);
  for (let made = 0; made < count;) {
    const text = Array.from({ length: 1 + Math.floor(random() * 4) }, line).join('');
    if (!lines(text).length || /<\/|<br/i.test(text)) continue;
    made += 1;
    yield text;
  }
}

// Texts as they are compared: line by line, without the blanks at either end.
export const lines = (text) => text.split(/[\n\r\v\f\u0085\u2028\u2029]/).map((line) => line.replace(/^[\s\u0085]+|[\s\u0085]+$/g, '')).filter(Boolean);
