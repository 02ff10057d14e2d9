#!/usr/bin/env python3
"""Makes the index of docs/decisions.md again, and records of what was appended in short form.

  docs/index-decisions.py            # writes the file
  docs/index-decisions.py --check    # status 1 where the file would change

A title that two records have is refused: merged branches left such.

A record is a heading `### Title`, a line `*2026-11-28, stands.*`, and some 120 words; it stands under its subject, `## Subject`,
or under `## Replaced`, the last one. The short form, for the end of the file: `**Title.** Text`, or below a `## Subject (2026-11-28)`.
"""
import argparse
import collections
import datetime
import pathlib
import re
import textwrap

FILE = pathlib.Path(__file__).parent / 'decisions.md'
REPLACED = 'Replaced'


def anchor(title):
    """The name by which a heading is reached."""
    return re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')


def read(text):
    """The head before the index, and the records: dictionaries with subject, title, line and blocks of text."""
    head, _, rest = text.partition('## Index\n')
    # The index ends with the first subject's heading.
    start = re.search(r'^## ', rest, re.M)
    records, subject = [], None
    blocks = re.split(r'\n\s*\n', rest[start.start():].strip())
    for block in blocks:
        short = re.match(r'\*\*(.+?)\*\*\s*(.*)', block, re.S)
        if block.startswith('## '):
            subject, day = re.fullmatch(r'## (.*?)(?: \((\d{4}-\d\d-\d\d)\))?', block).groups()
        elif block.startswith('### '):
            records.append({'subject': subject, 'title': block[4:], 'line': None, 'blocks': []})
        elif short:
            title, body = ' '.join(short.group(1).split()), short.group(2)
            found = re.search(r'\(?(\d{4}-\d\d-\d\d)\)?', title)
            date = found.group(1) if found else day or str(datetime.date.today())
            title = re.sub(r' ?\(\d{4}-\d\d-\d\d\)', '', title).rstrip('.,:')
            if body[:1].islower() or body[:1] in ',;:(':
                body = f'{title} {body}' if body[0].islower() or body[0] == '(' else title + body
            records.append({'subject': subject, 'title': title, 'line': f'*{date}, stands.*', 'blocks': [wrapped(body)]})
        elif records[-1]['line'] is None:
            records[-1]['line'] = block
        else:
            records[-1]['blocks'].append(block)
    return head, records


def wrapped(body):
    """The text in lines of 170 characters, what was rejected in a paragraph of its own."""
    parts = re.split(r'\s+(?=Rejected: )', ' '.join(body.split()))
    parts = [re.sub('^Rejected:', '*Rejected:*', part) for part in parts]
    return '\n\n'.join(textwrap.fill(part, 170, break_long_words=False, break_on_hyphens=False) for part in parts)


def written(head, records):
    """The file's text: head, index, subjects with their records."""
    subjects = list(dict.fromkeys(record['subject'] for record in records))
    subjects = [subject for subject in subjects if subject != REPLACED] + [REPLACED]
    index, body = ['## Index', ''], []
    for subject in subjects:
        index += [f'**[{subject}](#{anchor(subject)})**', '']
        body += [f'## {subject}', '']
        for record in records:
            if record['subject'] == subject:
                index.append(f"- {record['line'][1:11]} [{record['title']}](#{anchor(record['title'])})")
                body += [f"### {record['title']}", '', record['line'], '', *'\n\n'.join(record['blocks']).split('\n'), '']
        index.append('')
    return head + '\n'.join(index + body).rstrip('\n') + '\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true')
    arguments = parser.parse_args()
    text = FILE.read_text()
    head, records = read(text)
    titles = collections.Counter(record['title'] for record in records)
    twice = [title for title, count in titles.items() if count > 1]
    if twice:
        raise SystemExit(f"{FILE}: a title is one record's, found twice: {'; '.join(twice)}")
    new = written(head, records)
    if arguments.check:
        raise SystemExit(0 if new == text else f'{FILE}: the index is not that of the records: run {__file__}')
    FILE.write_text(new)


if __name__ == '__main__':
    main()
